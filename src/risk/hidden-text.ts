import { hasForeignWords, lookAlikesIn } from "./look-alikes.js";

const anyHidden =
  /[\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\u034f|[\u17b4\u17b5]|[\u180b-\u180f]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu;
const bidirectional = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
// Scripts whose letters join: there the two joiners are spelling, as are variation selectors behind ideographs.
const joining =
  /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u;
const pictograph = /[\p{Extended_Pictographic}\p{Emoji_Modifier}]|\ufe0f|\u20e3/u;
const prose =
  /\.(?:md|mdx|markdown|txt|rst|adoc|asciidoc|org|tex|html?|xhtml|po|pot|srt|vtt|csv|tsv|bib|log|ftl|properties|strings|arb|xliff?|svg|eml|ipynb|json5?|jsonl|ya?ml)$/;

type Kind = "bidi" | "hidden" | "alike";

interface Finding {
  readonly kind: Kind;
  readonly code: number;
  readonly line: number;
}

const openings: Record<Kind, string> = {
  bidi: "has characters that change the reading direction, so that it reads otherwise than it runs",
  hidden: "has characters that cannot be seen",
  alike: "has words with letters that look like others",
};
const shownPlaces = 3;

function codePointBefore(text: string, at: number): string {
  const low = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low <= 0xdfff ? text.slice(at - 2, at) : text.slice(at - 1, at);
}

function codePointAfter(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) ?? 0);
}

/** Whether an invisible character is part of how an emoji or a word of some script is written. */
function belongs(line: string, at: number, character: string): boolean {
  const before = codePointBefore(line, at);
  const after = codePointAfter(line, at + character.length);
  if (character === "\u200d") return (pictograph.test(before) && pictograph.test(after)) || joining.test(before);
  if (character === "\u200c") return joining.test(before);
  if (character === "\ufe0e" || character === "\ufe0f") {
    return after === "\u20e3" || (before > "\u007f" && /[\p{Emoji}\p{S}\p{P}]/u.test(before));
  }
  if (/[\ufe00-\ufe0d\u{e0100}-\u{e01ef}]/u.test(character)) return /\p{Script=Han}/u.test(before);
  if (/[\u180b-\u180f]/.test(character)) return /\p{Script=Mongolian}/u.test(before);
  if (/[\u0600-\u0605\u06dd\u070f\u08e2]/.test(character)) return true;
  return character === "\u00ad" && /\p{L}/u.test(before);
}

// The flags of England, Scotland and Wales are a black flag and letters that cannot be seen.
function withoutFlags(line: string): string {
  return line.includes("\u{1f3f4}")
    ? line.replace(/\u{1f3f4}[\u{e0061}-\u{e007a}]{2,6}\u{e007f}/gu, (flag) => "x".repeat(flag.length))
    : line;
}

function* findingsIn(raw: string, line: number, isCode: boolean, isForeign: () => boolean): Generator<Finding> {
  const text = withoutFlags(raw);
  for (const { 0: character, index } of text.matchAll(anyHidden)) {
    const code = character.codePointAt(0) ?? 0;
    const isMark = character === "\ufeff" && line === 1 && index === 0;
    if (bidirectional.test(character)) yield { kind: "bidi", code, line };
    else if (!isMark && !belongs(text, index, character)) yield { kind: "hidden", code, line };
  }
  if (!isCode) return;
  for (const letter of lookAlikesIn(raw, isForeign)) yield { kind: "alike", code: letter.codePointAt(0) ?? 0, line };
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function once(decide: () => boolean): () => boolean {
  let known: boolean | null = null;
  return () => {
    known ??= decide();
    return known;
  };
}

/** Lines that had something of the kind before, and how often: they are not new. */
function knownLines(before: string): Map<string, number> {
  const known = new Map<string, number>();
  for (const line of before.split("\n")) {
    if (/[^\0-\u007f]/.test(line)) known.set(line, (known.get(line) ?? 0) + 1);
  }
  return known;
}

function place({ code, line }: Finding): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")} on line ${line}`;
}

function sentence(kind: Kind, findings: readonly Finding[]): string[] {
  const places = [...new Set(findings.filter((each) => each.kind === kind).map(place))];
  if (places.length === 0) return [];
  const more = places.length > shownPlaces ? ` and ${places.length - shownPlaces} more` : "";
  return [`${openings[kind]}: ${places.slice(0, shownPlaces).join(", ")}${more}`];
}

/**
 * Text that deceives a reader, in lines that were not in the old content: bidirectional controls (Trojan Source,
 * CVE-2021-42574), invisible characters (tags among them, which carry orders to AI agents), and in code look-alike letters
 * (CVE-2021-42694). `name` is the file's last canonical name; what the host obeys (`isObeyed`) is code whatever its name.
 */
export function hiddenTextReasons(
  name: string,
  before: Uint8Array | null,
  after: Uint8Array,
  isObeyed = false,
): string[] {
  const text = decode(after);
  const isCode = isObeyed || !prose.test(name);
  const isForeign = once(() => hasForeignWords(text));
  const known = knownLines(before === null ? "" : decode(before));
  const findings: Finding[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (!/[^\0-\u007f]/.test(line)) continue;
    const count = known.get(line) ?? 0;
    if (count > 0) known.set(line, count - 1);
    else for (const finding of findingsIn(line, at + 1, isCode, isForeign)) findings.push(finding);
  }
  return (["bidi", "hidden", "alike"] as const).flatMap((kind) => sentence(kind, findings));
}
