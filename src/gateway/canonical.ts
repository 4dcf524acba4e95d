/** Services whose signature has the path as it is; everybody else's has it encoded once more. */
const plainPaths = new Set(["s3", "s3express", "s3-object-lambda", "s3-outposts"]);

const unreserved = /^[A-Za-z0-9\-._~]$/;
const hex = (code: number): string => `%${code.toString(16).toUpperCase().padStart(2, "0")}`;

/** Percent-encodes every byte that is not unreserved, also the percent sign. */
function encodeAgain(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~]/g, (each) => hex(each.charCodeAt(0)));
}

/** One form for every way to write the same bytes: decoded, then encoded as little as can be. Null for a percent sign that encodes nothing. */
function encodeOnce(text: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return null;
  return text.replace(/%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~]/g, (each, digits: string | undefined) => {
    const code = digits === undefined ? each.charCodeAt(0) : Number.parseInt(digits, 16);
    const character = String.fromCharCode(code);
    return unreserved.test(character) ? character : hex(code);
  });
}

/** A path in the one form that is identified, signed and sent. */
export interface CanonicalPath {
  readonly sent: string;
  /** As it stands in what is signed. */
  readonly signed: string;
}

/**
 * Null for a path that somebody on the way could read as another one: dot segments in any notation, empty segments where they have no
 * meaning of their own (only in the keys of S3 they have), percent signs that encode nothing.
 */
export function canonicalPath(path: string, service: string): CanonicalPath | null {
  const isPlain = plainPaths.has(service);
  const given = path.split("/");
  const parts: string[] = [];
  for (const [index, raw] of given.entries()) {
    const part = encodeOnce(raw);
    if (part === null || part === "." || part === "..") return null;
    const isInside = index > 0 && index < given.length - 1;
    if (raw === "" && isInside && !isPlain) return null;
    parts.push(isPlain ? part : raw);
  }
  const sent = parts.join("/");
  if (!sent.startsWith("/")) return null;
  return { sent, signed: isPlain ? sent : parts.map(encodeAgain).join("/") };
}

/** What a text in canonical form stands for, where it stands for ASCII. */
export function decodeAscii(text: string): string {
  return text.replace(/%([0-7][0-9A-F])/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

export type QueryPair = readonly [name: string, value: string];

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The pairs of a query in one form and order; null when a percent sign in it encodes nothing. A plus is a plus. */
export function canonicalPairs(query: string): readonly QueryPair[] | null {
  const pairs: QueryPair[] = [];
  for (const each of query.split("&")) {
    if (each === "") continue;
    const at = each.indexOf("=");
    const name = encodeOnce(at < 0 ? each : each.slice(0, at));
    const value = encodeOnce(at < 0 ? "" : each.slice(at + 1));
    if (name === null || value === null) return null;
    pairs.push([name, value]);
  }
  return pairs.sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]));
}

export function joinPairs(pairs: readonly QueryPair[]): string {
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** The header lines of what is signed; null when one that is said to be signed is not there. */
export function canonicalHeaders(headers: Readonly<Record<string, string>>, names: readonly string[]): string | null {
  const lines: string[] = [];
  for (const name of names) {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (value === undefined) return null;
    lines.push(`${name}:${value.trim().replace(/ +/g, " ")}\n`);
  }
  return lines.join("");
}
