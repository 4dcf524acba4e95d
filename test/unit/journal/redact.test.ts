import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatEntry, makeEntry } from "../../../src/journal/entry.js";

const line = (data: Readonly<Record<string, unknown>>): string =>
  formatEntry(makeEntry({ kind: "k", data }, null, { at: new Date(0), up: 0 }));

// Put together here, so that no scanner takes this file for a leak.
const body = "wJalrXUtnFEMI0K7MDENG1bPxRfiCYzQ9AbCdEfGh";
const secrets: readonly (readonly [string, string])[] = [
  ["an AWS key", `AKIA${"IOSFODNN7QRSTUVW"}`],
  ["an AWS secret key", body.slice(0, 40)],
  ["a GitHub token", `ghp_${body.slice(0, 36)}`],
  ["a long GitHub token", `github_pat_${body}${body}`],
  ["an OpenAI key", `sk-proj-${body}${body}`],
  ["an Anthropic key", `sk-ant-api03-${body}-${body}`],
  ["a Slack token", `xoxb-1${"234567890"}-${body.slice(0, 24)}`],
  ["an npm token", `npm_${body.slice(0, 36)}`],
  ["a JWT", `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${body}`],
];

const wrap = (name: string, secret: string): string =>
  name === "an AWS secret key" ? `AWS_SECRET_ACCESS_KEY=${secret}` : secret;

// No run of the secret's end may stay either.
const expectGone = (text: string, secret: string): void => {
  expect(text).toContain("[redacted]");
  expect(text).not.toContain(secret.slice(0, 24));
  expect(text).not.toContain(secret.slice(-12));
};

describe("what the journal keeps", () => {
  test.each(secrets)("never has %s in it: in a text, a list, a key", (name, secret) => {
    const text = wrap(name, secret);
    expectGone(line({ command: `curl -d '${text}' https://host.test` }), secret);
    expectGone(line({ deep: [{ list: [text] }] }), secret);
    expectGone(line({ [text]: 1 }), secret);
  });

  test("never has a private key in it, however long, ended or not", () => {
    const key = `${body}\n`.repeat(40);
    for (const end of ["-----END RSA PRIVATE KEY-----", ""]) {
      const text = line({ content: `a\n-----BEGIN RSA PRIVATE KEY-----\n${key}${end}` });
      expect(text).toContain("[redacted]");
      expect(text).not.toContain(body);
    }
  });

  test.each([
    ["https://user:hunter2hunter2@host.test/x", "https://user:[redacted]@host.test/x"],
    ["Authorization: Bearer hunter2hunter2", "Authorization: Bearer [redacted]"],
    ["authorization: Basic aHVudGVyMg==", "authorization: Basic [redacted]"],
    ["Authorization: hunter2hunter2", "Authorization: [redacted]"],
  ])("%s becomes %s", (given, kept) => {
    expect(JSON.parse(line({ text: given }))).toMatchObject({ data: { text: kept } });
  });

  test("a secret across the cut of a long text is not kept, wherever it begins", () => {
    const secret = `github_pat_${body}${body}`;
    fc.assert(
      fc.property(fc.integer({ min: 3_900, max: 5_300 }), fc.nat(3_000), fc.boolean(), (before, after, hasKey) => {
        const key = hasKey ? `-----BEGIN PRIVATE KEY-----${"A".repeat(2_000)}-----END PRIVATE KEY-----` : "";
        const filler = " ".repeat(before - key.length);
        expect(line({ text: `${key}${filler}${secret}${" ".repeat(after)}` })).not.toContain(secret.slice(0, 14));
      }),
    );
  });

  test.each([
    "git status",
    "https://host.test/a:b@c",
    "npm run build -- --token",
    "sk-learn and a ghp_ prefix",
    "host:8080",
  ])("%s stays as it is", (text) => expect(JSON.parse(line({ text }))).toMatchObject({ data: { text } }));
});
