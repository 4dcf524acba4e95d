import { AirlockError } from "../base/errors.js";

/** One element of a name: `null` stands for `*`, a string for itself, a function for `?` and `[…]`. */
type Token = null | string | ((character: string) => boolean);
/** One part of a path between slashes; `null` stands for `**`. */
type Segment = null | readonly Token[];

/** A compiled pattern. */
export interface Glob {
  readonly pattern: string;
  matches(path: string, isFolder: boolean): boolean;
}

const expansionsAtMost = 256;

function invalid(pattern: string, why: string): AirlockError {
  return new AirlockError("E_CONFIG_INVALID", `the pattern ${JSON.stringify(pattern)} has a mistake: ${why}`, {
    hint: "patterns know *, **, ?, [a-z], {a,b}, / at the front and / at the end; \\ takes the next character as it is",
  });
}

/**
 * Compiles a pattern. Without `/` it matches a name at any depth, else a path from the root; `/` at the front does the
 * latter for a single name, `/` at the end matches folders only. Never slower than length of pattern × length of path, since
 * patterns come from repositories nobody has read.
 */
export function compileGlob(pattern: string): Glob {
  const forFolder = pattern.endsWith("/") && !pattern.endsWith("\\/");
  const body = forFolder ? pattern.slice(0, -1) : pattern;
  const anchored = body.includes("/");
  const plain = body.startsWith("/") ? body.slice(1) : body;
  if (plain === "") throw invalid(pattern, "it names nothing");
  const variants = expandBraces(plain, pattern).map((each) => parseSegments(each, pattern));
  const matchesOne = (path: string): boolean => {
    if (!anchored) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      return variants.some((segments) => matchName(segments[0] ?? [], name));
    }
    const parts = path.split("/");
    return variants.some((segments) => matchPath(segments, parts));
  };
  return { pattern, matches: (path, isFolder) => (isFolder || !forFolder) && matchesOne(path) };
}

// Each `{a,b}` doubles the list; nested ones are taken from the outside in.
function expandBraces(text: string, pattern: string): string[] {
  const done: string[] = [];
  const waiting = [text];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const brace = findBrace(next, pattern);
    if (brace === undefined) done.push(next);
    else {
      const { start, end, choices } = brace;
      for (const choice of choices.toReversed()) waiting.push(next.slice(0, start) + choice + next.slice(end));
    }
    if (done.length + waiting.length > expansionsAtMost)
      throw invalid(pattern, "its braces stand for too many patterns");
  }
  return done;
}

function findBrace(text: string, pattern: string) {
  let depth = 0;
  let start = -1;
  let from = 0;
  const choices: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at += 1;
    else if (character === "[") at = endOfClass(text, at, pattern);
    else if (character === "{" && depth++ === 0) {
      start = at;
      from = at + 1;
    } else if (character === "," && depth === 1) {
      choices.push(text.slice(from, at));
      from = at + 1;
    } else if (character === "}" && depth > 0 && --depth === 0) {
      return { start, end: at + 1, choices: [...choices, text.slice(from, at)] };
    }
  }
  if (depth > 0) throw invalid(pattern, "a { is not closed");
  return undefined;
}

function endOfClass(text: string, start: number, pattern: string): number {
  let at = start + 1;
  if (text[at] === "!" || text[at] === "^") at += 1;
  // A `]` right at the front is a member.
  if (text[at] === "]") at += 1;
  for (; at < text.length && text[at] !== "]"; at++) {
    if (text[at] === "/") break;
    if (text[at] === "\\") at += 1;
  }
  if (text[at] !== "]") throw invalid(pattern, "a [ is not closed");
  return at;
}

function parseSegments(text: string, pattern: string): Segment[] {
  const segments: Segment[] = text.split("/").map((part) => (part === "**" ? null : parseName(part, pattern)));
  if (segments.some((segment) => segment?.length === 0)) throw invalid(pattern, "it has two slashes in a row");
  // `a/**` is everything in `a`, not `a` itself.
  return segments.at(-1) === null ? [...segments, [null]] : segments;
}

function parseName(part: string, pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < part.length; ) {
    const character = String.fromCodePoint(part.codePointAt(at) ?? 0);
    if (character === "*") {
      if (tokens.at(-1) !== null) tokens.push(null);
    } else if (character === "?") tokens.push(() => true);
    else if (character === "[") {
      const end = endOfClass(part, at, pattern);
      tokens.push(parseClass(part.slice(at + 1, end)));
      at = end;
    } else if (character === "\\") {
      at += 1;
      if (at === part.length) throw invalid(pattern, "it ends in a \\");
      tokens.push(String.fromCodePoint(part.codePointAt(at) ?? 0));
    } else tokens.push(character);
    at += String.fromCodePoint(part.codePointAt(at) ?? 0).length;
  }
  return tokens;
}

function parseClass(text: string): (character: string) => boolean {
  const negated = text.startsWith("!") || text.startsWith("^");
  const members = [...text.slice(negated ? 1 : 0).matchAll(/\\?(.)(?:-\\?(.))?/gsu)].map(
    ([, low = "", high = low]) => ({
      low: low.codePointAt(0) ?? 0,
      high: high.codePointAt(0) ?? 0,
    }),
  );
  return (character) => {
    const code = character.codePointAt(0) ?? 0;
    return members.some(({ low, high }) => code >= low && code <= high) !== negated;
  };
}

// Both levels use the same trick: after a mismatch only the last star is tried further, which is enough and never explodes.
function matchSequence<Pattern, Item>(
  pattern: readonly (Pattern | null)[],
  items: readonly Item[],
  fits: (pattern: Pattern, item: Item) => boolean,
): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < items.length; ) {
    const wanted = pattern[at];
    if (wanted === null) {
      star = at;
      resume = index;
      at += 1;
    } else if (wanted !== undefined && fits(wanted, items[index] as Item)) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      resume += 1;
      index = resume;
      at = star + 1;
    } else return false;
  }
  while (pattern[at] === null) at += 1;
  return at === pattern.length;
}

function matchName(tokens: Segment, name: string): boolean {
  return matchSequence(tokens ?? [null], Array.from(name), (token, character) =>
    typeof token === "string" ? token === character : token(character),
  );
}

function matchPath(segments: readonly Segment[], parts: readonly string[]): boolean {
  return matchSequence(segments, parts, matchName);
}
