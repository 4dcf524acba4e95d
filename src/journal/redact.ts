import type { KnownValues } from "../base/known-values.js";
import { hideSecretShapes } from "../risk/secret-content.js";

/** What stands in the journal where a secret was. */
export const redacted = "[redacted]";

/** How much of a text beyond what is kept must be looked at, so that a secret across the cut is seen as one. */
const margin = 1_024;

interface Shape {
  /** Text without which the pattern cannot match, in lower case. */
  readonly anchor: string;
  readonly pattern: RegExp;
  readonly by: string;
}

// What a review must not cry out for (it would be noise there) has no place in a record that stays.
const shapes: readonly Shape[] = [
  {
    anchor: "private key",
    pattern: /-----BEGIN [A-Z0-9 ]{0,60}PRIVATE KEY[A-Z ]{0,10}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,80}-----|$)/gi,
    by: redacted,
  },
  { anchor: "eyj", pattern: /(?<![\w-])eyJ[\w-]{8,2000}\.[\w.~+/=-]*/g, by: redacted },
  {
    anchor: "://",
    pattern: /(:\/\/[^\s/:@"'`]{0,200}:)[^\s/@"'`]{1,800}@/g,
    by: `$1${redacted}@`,
  },
  {
    anchor: "authorization",
    pattern:
      /(authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:(?:bearer|basic|token|digest|negotiate)\s{1,4})?)[^\s"'`]{1,4000}/gi,
    by: `$1${redacted}`,
  },
];

/** A text without what looks like a secret. */
export function hideShapes(text: string): string {
  const lower = text.toLowerCase();
  const rest = shapes.reduce(
    (now, { anchor, pattern, by }) => (lower.includes(anchor) ? now.replace(pattern, by) : now),
    text,
  );
  return hideSecretShapes(rest, redacted);
}

/**
 * The head of a text without the values that are known to be secret, nor anything that looks like one. A secret that is cut
 * in two by the end of what is looked at is not kept either.
 */
export function redactHead(text: string, length: number, known?: KnownValues): string {
  const beyond = Math.max(margin, known?.longest ?? 0);
  const window = length + beyond;
  const hide = (part: string): string => hideShapes(known?.hide(part, redacted) ?? part);
  if (text.length <= window) return hide(text).slice(0, length);
  return hide(text.slice(0, window)).slice(0, -beyond).slice(0, length);
}
