import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContextFile } from "./tar-stream.js";

// Besides these, the context holds node.tgz and npm.tgz, which node.lock.json names.
const imageFolders = ["images/sandbox", "init", "hatch", "toolserver", "keeper"] as const;

function listFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.name !== "__pycache__")
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? listFiles(root, `${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
    );
}

/**
 * The hash in the image's tag, of everything that the image is made of. The build puts the same hash into the bundle, so a
 * checkout whose files changed since is noticed instead of building one thing under another's name.
 */
export function contentHash(packageRoot: string): string {
  const hash = createHash("sha256");
  for (const file of imageFolders.flatMap((folder) => listFiles(packageRoot, folder))) {
    const content = readFileSync(join(packageRoot, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 12);
}

/** The build context's files, with `images/sandbox` at its root. */
export function contextFiles(packageRoot: string): ContextFile[] {
  return imageFolders
    .flatMap((folder) => listFiles(packageRoot, folder))
    .map((file) => ({
      name: file.replace(/^images\/sandbox\//, ""),
      executable: false,
      content: readFileSync(join(packageRoot, file)),
    }));
}
