import type { ShellWord } from "./shell-reading.js";

/** Programs that run what they are given as arguments: what stands behind them is a command, too. */
const runners = new Set(
  "builtin busybox chroot command coproc doas env exec find flock ionice nice nohup parallel setsid stdbuf sudo time timeout watch xargs".split(
    " ",
  ),
);

const shells = new Set("ash bash dash eval fish ksh sh source su zsh .".split(" "));

const nameOf = (word: ShellWord | undefined): string => (word ?? "").slice((word ?? "").lastIndexOf("/") + 1);

/** Whether granting it by its name would grant everything: it runs whatever it is told to. */
export function runsOthers(words: readonly ShellWord[]): boolean {
  const name = nameOf(words[0]);
  return runners.has(name) || shells.has(name);
}

/** Whether it may run a command that nobody can read here: text that another shell takes apart. */
export function hidesCommands(words: readonly ShellWord[]): boolean {
  return words.some((word, at) => (at === 0 || runsOthers(words)) && shells.has(nameOf(word))) || words[0] === null;
}

// Only `*`; linear in both, as patterns and commands come from those who may want to stop us.
function fits(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  const first = parts[0] ?? "";
  if (parts.length === 1) return pattern === text;
  const last = parts.at(-1) ?? "";
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > text.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}

const fitsWord = (pattern: string, word: ShellWord): boolean => (word === null ? pattern === "*" : fits(pattern, word));

/**
 * Whether a pattern names a command: word by word, `*` within a word for any characters, as the last word for any further words. A word
 * that is made up when the command runs is named by nothing but `*`.
 */
export function matchesCommand(pattern: string, words: readonly ShellWord[]): boolean {
  const wanted = pattern.trim().split(/\s+/);
  const isOpen = wanted.at(-1) === "*";
  const fixed = isOpen ? wanted.slice(0, -1) : wanted;
  if (isOpen ? words.length < fixed.length : words.length !== fixed.length) return false;
  // `*` alone would be the whole tool, which is said without a pattern.
  if (fixed.length === 0) return true;
  return fixed.every((each, at) => fitsWord(each, words[at] ?? null));
}

/** The same for what is denied: also by another path to the program, and behind a program that runs others. */
export function matchesDenied(pattern: string, words: readonly ShellWord[]): boolean {
  const starts = runsOthers(words) ? words.keys() : [0];
  for (const at of starts) {
    const [name = null, ...rest] = words.slice(at);
    if (matchesCommand(pattern, [name, ...rest])) return true;
    if (name !== null && matchesCommand(pattern, [nameOf(name), ...rest])) return true;
  }
  return false;
}
