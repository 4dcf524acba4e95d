import type { Readable } from "node:stream";

/** A request that came out of the sandbox, before anything in it is believed. */
export interface Inbound {
  readonly method: string;
  /** As on the wire, without the query. */
  readonly path: string;
  /** As on the wire, without the question mark. */
  readonly query: string;
  /** Lower-case names, none twice. */
  readonly headers: Readonly<Record<string, string>>;
  /** The length that was announced; null when none was. */
  readonly length: number | null;
  readonly body: Readable;
  /** To be called before the body is read: some clients wait to be told that it is wanted. */
  readonly wantsBody: () => void;
}

/** Whether bytes may follow the head. */
export function mayHaveBody({ length, headers, method }: Inbound): boolean {
  if (length !== null) return length > 0;
  const isSecond = headers[":method"] !== undefined;
  return headers["transfer-encoding"] !== undefined || (isSecond && method !== "GET" && method !== "HEAD");
}

/** A request as Node's two servers hand it over. */
export interface RawRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly rawHeaders: readonly string[];
}

const headerName = /^:?[a-z0-9!#$%&'*+.^_`|~-]+$/;
const maxTarget = 16_384;

function readHeaders(raw: readonly string[]): Record<string, string> | string {
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    const value = raw[at + 1] ?? "";
    if (!headerName.test(name) || name === "__proto__") return "a header whose name is none";
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) return `a control character in the header ${name}`;
    // Which of two is meant would be for everybody who reads it to guess.
    if (Object.hasOwn(headers, name)) return `the header ${name} twice`;
    headers[name] = value;
  }
  return headers;
}

/** Takes a request apart; a text says why it is none that the gateway would pass on. */
export function readInbound(request: RawRequest, body: Readable, wantsBody: () => void): Inbound | string {
  const { method = "", url = "" } = request;
  if (!/^[A-Z]{3,7}$/.test(method)) return "a method that AWS does not have";
  if (url.length > maxTarget || !/^\/[\x21-\x22\x24-\x7e]*$/.test(url)) return "a target that is no path";
  const headers = readHeaders(request.rawHeaders);
  if (typeof headers === "string") return headers;
  // HTTP/2 clients sign their `:authority`, under that name or as `host`.
  if (headers["host"] === undefined && headers[":authority"] !== undefined) headers["host"] = headers[":authority"];
  const at = url.indexOf("?");
  const length = headers["content-length"];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return "a length that is none";
  return {
    method,
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? "" : url.slice(at + 1),
    headers,
    length: length === undefined ? null : Number(length),
    body,
    wantsBody,
  };
}
