/** The head of one HTTP/1 request, strictly parsed. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Names in lower case, in the order in which they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes of the head, with the empty line. */
  readonly length: number;
}

/** How the body after a head is delimited. */
export type BodyKind = { readonly kind: "length"; readonly length: number } | { readonly kind: "chunked" };

const maxHead = 65_536;
const maxHeaders = 200;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const requestLine = /^([A-Z][A-Z-]{0,31}) ([\x21-\x7e]{1,16384}) (HTTP\/1\.[01])$/;

function parseHeader(line: string): readonly [string, string] | string {
  const at = line.indexOf(":");
  const name = line.slice(0, at);
  if (line.startsWith(" ") || line.startsWith("\t")) return "a folded header";
  if (at < 1 || !token.test(name)) return "a header without a proper name";
  const value = line.slice(at + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) return "a header with control characters";
  return [name.toLowerCase(), value];
}

/**
 * Parses what is there of a request's head: null when it is not whole yet, a text for what is wrong with it. No tolerance: what two
 * servers could read in two ways is how a second request hides behind a first.
 */
export function parseHead(bytes: Buffer): RequestHead | string | null {
  const end = bytes.indexOf("\r\n\r\n");
  const part = bytes.subarray(0, end === -1 ? maxHead + 1 : end);
  if (part.length > maxHead) return "a request head of more than 64 KiB";
  const text = part.toString("latin1");
  const first = text.split("\r\n", 1)[0] ?? "";
  if (/\n/.test(text.replaceAll("\r\n", "")) || text.includes("\0")) return "a line that ends in a bare line feed";
  const match = requestLine.exec(first);
  if (match === null && text.includes("\r\n")) return "a garbled request line";
  const lines = text.split("\r\n").slice(1);
  if (lines.length > maxHeaders) return `more than ${maxHeaders} headers`;
  if (end === -1) return null;
  if (match === null) return "a garbled request line";
  const headers: (readonly [string, string])[] = [];
  for (const line of lines) {
    const header = parseHeader(line);
    if (typeof header === "string") return header;
    headers.push(header);
  }
  return { method: match[1] ?? "", target: match[2] ?? "", version: match[3] ?? "", headers, length: end + 4 };
}

/** The values of one header. */
export function headerValues({ headers }: RequestHead, name: string): string[] {
  return headers.filter(([each]) => each === name).map(([, value]) => value);
}

/** How long the body is; a text where two readers could disagree (CL.TE, TE.CL, two lengths, `chunked` in disguise). */
export function bodyKind(head: RequestHead): BodyKind | string {
  const lengths = headerValues(head, "content-length");
  const codings = headerValues(head, "transfer-encoding");
  if (codings.length > 0) {
    if (lengths.length > 0) return "both Content-Length and Transfer-Encoding";
    if (codings.length > 1 || codings[0]?.toLowerCase() !== "chunked") return "a Transfer-Encoding other than chunked";
    return { kind: "chunked" };
  }
  const [length = "0"] = lengths;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) return "a garbled Content-Length";
  return { kind: "length", length: Number(length) };
}

/** The head as bytes again, without some of its headers. */
export function formatHead(
  head: RequestHead,
  target: string,
  without: ReadonlySet<string>,
  added: readonly string[],
): Buffer {
  const kept = head.headers.filter(([name]) => !without.has(name)).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([`${head.method} ${target} ${head.version}`, ...kept, ...added, "", ""].join("\r\n"), "latin1");
}
