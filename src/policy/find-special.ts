import { readdirSync } from "node:fs";
import { join } from "node:path";

const entriesAtMost = 100_000;

/**
 * The first socket, pipe or device found below a folder, the shallow ones first. Stops after 100,000 entries: sockets lie
 * near the top of the folders people name, and a start must not take longer than the work.
 */
export function findSpecialFile(root: string): string | undefined {
  const queue = [root];
  let seen = 0;
  for (let folder = queue.shift(); folder !== undefined && seen < entriesAtMost; folder = queue.shift()) {
    for (const entry of entriesOf(folder)) {
      seen += 1;
      const path = join(folder, entry.name);
      if (entry.isSocket() || entry.isFIFO() || entry.isCharacterDevice() || entry.isBlockDevice()) return path;
      if (entry.isDirectory()) queue.push(path);
    }
  }
  return undefined;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
