/** What an agent reads of where it is, beside what its user wants it to know. */
export function aboutTheSandbox(workspace: string): string {
  return `# You work in an Airlock sandbox

- This is a container that is thrown away (session $AIRLOCK_SESSION). ${workspace} is a copy-on-write view of the user's project.
- Nothing that you change reaches the user's files until they have reviewed it. Work as usual: edit, delete, build, test.
- Files with secrets (.env, keys, tokens) are hidden, and stay so. Do not look for them; ask the user for test values.
- Only hosts that the user's policy allows can be reached. /airlock/denied says what was denied, and why.
- When you need another host, tell the user its name: \`airlock network allow HOST\` allows it at once.
- A key in your environment may be a placeholder that the host replaces on its way to its service. It is of use nowhere else.
- Commits that you make are brought over as a branch. Do not push; there are no credentials for it.
- When you are done, say what you changed and why: that is what the review begins with.
`;
}
