import { encodePath } from "../base/byte-path.js";

// A slash ends a name, so it sorts before everything else: "a/x" comes before "a-b".
function byteOrder(left: string, right: string): number {
  const first = encodePath(left).map((byte) => (byte === 0x2f ? 0 : byte));
  return Buffer.compare(
    first,
    encodePath(right).map((byte) => (byte === 0x2f ? 0 : byte)),
  );
}

/** The order in which trees are walked: names by their bytes within each folder, a folder before what it holds. */
export function compareInTree(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const first = left.charCodeAt(at);
    const second = right.charCodeAt(at);
    if (first === second) continue;
    if (first >= 0xd800 || second >= 0xd800) return byteOrder(left, right);
    return (first === 0x2f ? 0 : first) - (second === 0x2f ? 0 : second);
  }
  return left.length - right.length;
}

/** Tells whether a path lies below a folder; everything but itself lies below "". */
export function isBelow(path: string, folder: string): boolean {
  return folder === "" ? path !== "" : path.length > folder.length && path.startsWith(`${folder}/`);
}

/** The folder that holds a path; "" for what lies at the top. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}
