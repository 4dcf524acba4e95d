import type { ShellWord } from "./shell-reading.js";

/** Programs that run what they are given as arguments: what stands behind them is a command, too. */
const runners = new Set(
  "builtin busybox chroot command coproc doas env exec find flock ionice nice nohup parallel setsid stdbuf sudo time timeout watch xargs".split(
    " ",
  ),
);

const shells = new Set("ash bash dash eval fish ksh sh source su zsh .".split(" "));

/** Programs that run a program text: a grant by their name would be one for everything. */
const interpreters = /^(awk|bun|deno|gawk|lua|mawk|node|npx|perl|php|pip|pnpx|python|ruby|ssh|tclsh|uvx)[\d.]*$/;

// Builtins that run what stands in their arguments, or make a name mean something else for the commands after them.
const evaluating = new Set(
  "alias bind compgen complete enable fc hash history jobs let mapfile readarray trap".split(" "),
);

// What names a variable may name `a[$(…)]`, and a shell runs that to find the element.
const naming: Readonly<Record<string, (words: readonly ShellWord[]) => boolean>> = {
  getopts: (words) => words.some((word) => word === null || word.includes("[")),
  printf: ([, first = ""]) => first === null || first.startsWith("-v"),
  read: (words) => words.some((word) => word === null || word.includes("[")),
  test: (words) => words.some((word) => word === null || word === "-v" || word === "-R"),
  wait: (words) => words.some((word) => word === null || word.includes("[")),
};

const nameOf = (word: ShellWord | undefined): string => (word ?? "").slice((word ?? "").lastIndexOf("/") + 1);

/** Whether it runs whatever it is told to. */
export function runsOthers(words: readonly ShellWord[]): boolean {
  const name = nameOf(words[0]);
  return runners.has(name) || shells.has(name);
}

/** Whether granting it by its name would grant everything. */
export function runsAnything(words: readonly ShellWord[]): boolean {
  return runsOthers(words) || interpreters.test(nameOf(words[0]));
}

function hidesAt(words: readonly ShellWord[]): boolean {
  const name = nameOf(words[0]);
  if (shells.has(name) || evaluating.has(name)) return true;
  return Object.hasOwn(naming, name) && naming[name]?.(words) === true;
}

/** Whether it may run a command that nobody can read here: text that a shell takes apart. */
export function hidesCommands(words: readonly ShellWord[]): boolean {
  if (words[0] === null) return true;
  if (!runsOthers(words)) return hidesAt(words);
  // A lone dot is a folder, but behind what takes it for the builtin.
  const isFolder = (at: number): boolean =>
    words[at] === "." && at > 0 && !/^(builtin|command|time)$/.test(words[at - 1] ?? "");
  return words.some((_word, at) => !isFolder(at) && hidesAt(words.slice(at)));
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

// `find` alone only looks, but for these.
const looksOnly = (words: readonly ShellWord[]): boolean =>
  nameOf(words[0]) === "find" && !words.some((word) => word === null || /^-(exec|ok|delete|fprint|fls)/.test(word));

/** The same for what is trusted: what runs others is trusted word for word alone, as a `*` would stand for any program. */
export function matchesTrusted(pattern: string, words: readonly ShellWord[]): boolean {
  if (pattern.includes("*") && runsOthers(words) && !looksOnly(words)) return false;
  return matchesCommand(pattern, words);
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
