/** What a client is told in its own language when a connection is denied, by the port and its first byte. */
export function denialFor(port: number, first: number | undefined, why: string): Buffer | null {
  const line = `airlock: ${why}`.replace(/[^\x20-\x7e]/g, "?");
  const isTls = first === 22 || (first === undefined && port === 443);
  // A fatal alert, access_denied: TLS has no place for words.
  if (isTls) return Buffer.from([21, 3, 3, 0, 2, 2, 49]);
  // A server may send lines before its own SSH- line (RFC 4253, 4.2).
  if (port === 22) return Buffer.from(`${line}\r\n`, "latin1");
  const isHttp = port === 80 || (first !== undefined && first >= 65 && first <= 90);
  if (!isHttp) return null;
  const body = `${line}\n`;
  const head = ["HTTP/1.1 403 Forbidden", "Content-Type: text/plain", `Content-Length: ${body.length}`];
  return Buffer.from([...head, "Cache-Control: no-store", "Connection: close", "", body].join("\r\n"), "latin1");
}
