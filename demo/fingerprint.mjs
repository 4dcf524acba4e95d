// Prints "COUNT HASH" for a folder: every name, type, mode, owner, time of change (content and inode), size, symlink target and
// byte of content. Two equal lines mean that nothing was written in between, not even the same bytes.
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

const hash = createHash("sha256");
let count = 0;

function walk(path) {
  const { mode, uid, gid, size, mtimeNs, ctimeNs, nlink } = lstatSync(path, { bigint: true });
  count += 1;
  hash.update(path).update(`\0${mode} ${uid} ${gid} ${size} ${mtimeNs} ${ctimeNs} ${nlink}\0`);
  const kind = Number(mode) & 0o170000;
  if (kind === 0o120000) hash.update(readlinkSync(path, "buffer"));
  if (kind === 0o100000) hash.update(readFileSync(path));
  if (kind !== 0o040000) return;
  const names = readdirSync(path, { encoding: "buffer" }).sort(Buffer.compare);
  for (const name of names) walk(Buffer.concat([path, Buffer.from("/"), name]));
}

walk(Buffer.from(process.argv[2]));
console.log(`${count} ${hash.digest("hex")}`);
