import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { encodePath } from "../../base/byte-path.js";

const named: ReadonlyMap<number, string> = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0b, "\\v"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

function quoteByte(byte: number): string {
  const short = named.get(byte);
  if (short !== undefined) return short;
  return byte < 0x20 || byte >= 0x7f ? `\\${byte.toString(8).padStart(3, "0")}` : String.fromCharCode(byte);
}

/**
 * A path as git writes it in patches: plain, or quoted like a C string when a byte needs it. Names with spaces are quoted
 * too, which git does not need to read them but `patch` does.
 */
export function gitName(prefix: string, path: string): string {
  const name = prefix + path;
  if (!/[^\x21-\x7e]|["\\]/.test(name)) return name;
  return `"${Array.from(encodePath(name), quoteByte).join("")}"`;
}

/** The object name that git gives to a content. */
export function blobName(content: Uint8Array): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const bytesPerLine = 52;

function base85(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; at += 4) {
    let value = 0;
    for (let each = 0; each < 4; each += 1) value = value * 256 + (bytes[at + each] ?? 0);
    let group = "";
    for (let each = 0; each < 5; each += 1) {
      group = (digits[value % 85] ?? "") + group;
      value = Math.floor(value / 85);
    }
    out += group;
  }
  return out;
}

/** A content as the `literal` of a `GIT binary patch`. */
export function binaryLiteral(content: Uint8Array): string {
  const packed = deflateSync(content);
  const lines = [`literal ${content.length}`];
  for (let at = 0; at < packed.length; at += bytesPerLine) {
    const part = packed.subarray(at, at + bytesPerLine);
    const code = part.length <= 26 ? 0x40 + part.length : 0x60 + part.length - 26;
    lines.push(String.fromCharCode(code) + base85(part));
  }
  return `${lines.join("\n")}\n\n`;
}
