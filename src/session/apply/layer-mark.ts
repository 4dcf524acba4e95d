import { createHash } from "node:crypto";
import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";

/**
 * A mark that changes when what a session wrote does: of names, kinds, sizes and times, without reading a content or holding the sandbox
 * still. A sandbox can set times back, so it only says when to look again; what is applied is bound by hashes.
 */
export async function markLayer(bench: Workbench, record: SessionRecord): Promise<string> {
  const keeper = await bench.keeper();
  const hash = createHash("sha256");
  for await (const group of keeper.listLayer({ session: record.id, layer: "workspace", contents: 0 })) {
    for (const { path, kind, mode, size, mtimeNs, inode, target = "" } of group)
      hash.update(JSON.stringify([path, kind, mode, size, `${mtimeNs}`, inode, target]));
  }
  return hash.digest("hex");
}
