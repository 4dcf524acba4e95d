import { lstat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** The project around a folder: the nearest one with `airlock.yaml` or `.git`, else the folder itself. */
export async function findProject(cwd: string, chosen: string | undefined): Promise<string> {
  if (chosen !== undefined) return resolve(cwd, chosen);
  for (let folder = cwd; ; folder = dirname(folder)) {
    if ((await exists(join(folder, "airlock.yaml"))) || (await exists(join(folder, ".git")))) return folder;
    if (dirname(folder) === folder) return cwd;
  }
}
