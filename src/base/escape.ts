/**
 * Text from the sandbox, from a repository or from the engine is hostile: control characters drive terminals, bidirectional
 * ones reorder what a person reads (CVE-2021-42574), invisible ones hide it. Nothing of that kind reaches a terminal.
 */
const dangerous =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu;

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  if (character === "\r") return "\\r";
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return `\\u{${code.toString(16)}}`;
}

/** One line of safe text: every control, bidirectional, invisible or undecodable character becomes a visible escape. */
export function escapeText(text: string): string {
  return text.replace(dangerous, visible);
}

/** Like `escapeText`, but line feeds and tabs stay, for the body of a file shown to a person. */
export function escapeBody(text: string): string {
  return text.replace(dangerous, (character) =>
    character === "\n" || character === "\t" ? character : visible(character),
  );
}

/** Tells whether a text holds anything that `escapeText` would change. */
export function hasDangerousCharacters(text: string): boolean {
  return text.search(dangerous) !== -1;
}

/** A path for people: as it is when harmless, else quoted like a shell's `$'…'` so that it can be told apart and copied. */
export function displayPath(path: string): string {
  if (!hasDangerousCharacters(path) && !/["'\\]|^\s|\s$/.test(path)) return path;
  return `$'${path.replace(/[\\']/g, "\\$&").replace(dangerous, visible)}'`;
}
