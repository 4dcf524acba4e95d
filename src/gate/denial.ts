/** SSH_MSG_DISCONNECT, in the clear before any key: clients print its text (RFC 4253, 6 and 11.1). */
function sshDisconnect(why: string): Buffer {
  const text = Buffer.from(why, "latin1");
  const lengths = Buffer.alloc(8);
  // "By application"; then the text, and no language.
  lengths.writeUInt32BE(11, 0);
  lengths.writeUInt32BE(text.length, 4);
  const payload = Buffer.concat([Buffer.from([1]), lengths, text, Buffer.alloc(4)]);
  const padding = 4 + ((8 - ((5 + payload.length + 4) % 8)) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + payload.length + padding, 0);
  head.writeUInt8(padding, 4);
  return Buffer.concat([Buffer.from("SSH-2.0-airlock\r\n"), head, payload, Buffer.alloc(padding)]);
}

/** What a client is told in its own language when a connection is denied, by the port and its first byte. */
export function denialFor(port: number, first: number | undefined, why: string): Buffer | null {
  const line = `airlock: ${why}`.replace(/[^\x20-\x7e]/g, "?");
  const isTls = first === 22 || (first === undefined && port === 443);
  // A fatal alert, access_denied: TLS has no place for words.
  if (isTls) return Buffer.from([21, 3, 3, 0, 2, 2, 49]);
  // A server may send lines before its own SSH- line (RFC 4253, 4.2): for who is no SSH client.
  if (port === 22) return Buffer.concat([Buffer.from(`${line}\r\n`, "latin1"), sshDisconnect(line)]);
  const isHttp = port === 80 || (first !== undefined && first >= 65 && first <= 90);
  if (!isHttp) return null;
  const body = `${line}\n`;
  const head = ["HTTP/1.1 403 Forbidden", "Content-Type: text/plain", `Content-Length: ${body.length}`];
  return Buffer.from([...head, "Cache-Control: no-store", "Connection: close", "", body].join("\r\n"), "latin1");
}
