import { canonicalHost, type Host, parseAuthority } from "./host-name.js";
import { formatHead, headerValues, parseHead, type RequestHead } from "./http-head.js";

/** What a client of the proxy asks for. */
export type ProxyRequest =
  | { readonly kind: "more"; readonly reply: Buffer | null; readonly used: number }
  | { readonly kind: "bad"; readonly reply: Buffer; readonly why: string }
  | {
      readonly kind: "tunnel";
      readonly host: Host;
      readonly port: number;
      /** Bytes of the request; what follows is the tunnel's. */
      readonly used: number;
      readonly protocol: "http" | "socks";
    }
  | {
      readonly kind: "request";
      readonly host: Host;
      readonly port: number;
      readonly used: number;
      /** The request as its server wants it. */
      readonly head: Buffer;
    };

/** The answer to CONNECT. */
export const established = Buffer.from("HTTP/1.1 200 Connection established\r\n\r\n");

const text = (status: string, why: string): Buffer => {
  const body = `airlock: ${why}\n`;
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    "latin1",
  );
};

const bad = (why: string): ProxyRequest => ({ kind: "bad", reply: text("400 Bad Request", why), why });

// Hop by hop: for the proxy and nobody behind it.
const hopByHop = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "http2-settings",
]);

const portSuffix = (port: number): string => (port === 80 ? "" : `:${port}`);

function plainRequest(head: RequestHead): ProxyRequest {
  const match = /^http:\/\/([^/?#]+)([/?][^#]*)?$/i.exec(head.target);
  const authority = match?.[1] ?? "";
  const wanted = parseAuthority(/:[0-9]+$/.test(authority) ? authority : `${authority}:80`);
  if (wanted === null) return bad("a proxy takes CONNECT host:port, or http://host/path");
  if (headerValues(head, "host").length > 1) return bad("a request with two Hosts");
  const path = match?.[2] ?? "/";
  const { host, port } = wanted;
  const name = host.text.includes(":") ? `[${host.text}]` : host.text;
  // The target alone says where to: a Host that says otherwise is replaced.
  const added = [`host: ${name}${portSuffix(port)}`, "connection: close"];
  const bytes = formatHead(head, path.startsWith("?") ? `/${path}` : path, hopByHop, added);
  return { kind: "request", host, port, used: head.length, head: bytes };
}

function httpRequest(bytes: Buffer): ProxyRequest {
  const head = parseHead(bytes);
  if (head === null) return { kind: "more", reply: null, used: 0 };
  if (typeof head === "string") return bad(head);
  if (head.method !== "CONNECT") return plainRequest(head);
  const wanted = parseAuthority(head.target);
  return wanted === null
    ? bad("CONNECT takes host:port")
    : { kind: "tunnel", ...wanted, used: head.length, protocol: "http" };
}

const socksError = (code: number, why: string): ProxyRequest => ({ kind: "bad", reply: socksReply(code), why });

/** An answer of SOCKS5: 0 for success. */
export function socksReply(code: number): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

const waiting: ProxyRequest = { kind: "more", reply: null, used: 0 };

function socksAddress(bytes: Buffer): { readonly text: string; readonly end: number } | null {
  const length = bytes[4] ?? 0;
  if (bytes[3] === 1) return { text: bytes.subarray(4, 8).join("."), end: 8 };
  if (bytes[3] === 3) return { text: bytes.toString("latin1", 5, 5 + length), end: 5 + length };
  if (bytes[3] !== 4) return null;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.subarray(4 + 2 * index, 6 + 2 * index).toString("hex"));
  return { text: `[${groups.join(":")}]`, end: 20 };
}

function socksGreeting(bytes: Buffer): ProxyRequest {
  const end = 2 + (bytes[1] ?? 0);
  if (bytes.length < 2 || bytes.length < end) return waiting;
  const canDoWithout = bytes.subarray(2, end).includes(0);
  if (!canDoWithout) return { kind: "bad", reply: Buffer.from([5, 0xff]), why: "a SOCKS client that wants to log in" };
  return { kind: "more", reply: Buffer.from([5, 0]), used: end };
}

function socksRequest(bytes: Buffer): ProxyRequest {
  if (bytes.length < 5) return waiting;
  if (bytes[0] !== 5 || bytes[2] !== 0) return socksError(1, "a garbled SOCKS request");
  if (bytes[1] !== 1) return socksError(7, "a SOCKS command other than CONNECT");
  const address = socksAddress(bytes);
  if (address === null) return socksError(8, "a SOCKS address of no known kind");
  if (bytes.length < address.end + 2) return waiting;
  const host = canonicalHost(address.text);
  const port = bytes.readUInt16BE(address.end);
  if (host === null || port === 0) return socksError(8, "a SOCKS request for no host");
  return { kind: "tunnel", host, port, used: address.end + 2, protocol: "socks" };
}

/** Reads what a client of the proxy has sent so far; `greeted` once a SOCKS client has had its first answer. */
export function readProxyRequest(bytes: Buffer, greeted: boolean): ProxyRequest {
  if (greeted) return socksRequest(bytes);
  return bytes[0] === 5 ? socksGreeting(bytes) : httpRequest(bytes);
}

/** Says no to a client of the proxy in its own language. */
export function refuseProxyRequest(protocol: "http" | "socks", status: string, why: string): Buffer {
  return protocol === "socks" ? socksReply(2) : text(status, why);
}
