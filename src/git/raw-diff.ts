import { decodePath } from "../base/byte-path.js";

/** One path of `diff-tree --raw -z`. Modes are git's (0o100644, 0o120000, 0o160000); 0: not there. */
export interface RawEntry {
  readonly path: string;
  readonly oldMode: number;
  readonly newMode: number;
  readonly oldId: string;
  readonly newId: string;
}

/** Reads `diff-tree --raw -z --no-commit-id`, of merges (`-c`) too: there the first parent's side counts as the old one. */
export function parseRawDiff(output: Uint8Array): RawEntry[] {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.length);
  const entries: RawEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const metaEnd = bytes.indexOf(0, at);
    const pathEnd = metaEnd === -1 ? -1 : bytes.indexOf(0, metaEnd + 1);
    if (pathEnd === -1) throw new Error("the list of changed paths ends in the middle");
    const meta = bytes.subarray(at, metaEnd).toString("latin1");
    const parents = /^:*/.exec(meta)?.[0].length ?? 0;
    const words = meta.slice(parents).split(" ");
    if (parents === 0 || words.length !== 2 * parents + 3) throw new Error("the list of changed paths cannot be read");
    entries.push({
      path: decodePath(bytes.subarray(metaEnd + 1, pathEnd)),
      oldMode: Number.parseInt(words[0] ?? "", 8),
      newMode: Number.parseInt(words[parents] ?? "", 8),
      oldId: words[parents + 1] ?? "",
      newId: words[2 * parents + 1] ?? "",
    });
    at = pathEnd + 1;
  }
  return entries;
}
