import { open } from "node:fs/promises";
import { join } from "node:path";
import { parseLooseRef } from "../../git/refs.js";

const enough = 4_096;
const heads = "refs/heads/";

/** The branch that is checked out in a project, read without git; null where there is none, or it cannot be told. */
export async function checkedOutBranch(project: string): Promise<string | null> {
  try {
    await using file = await open(join(project, ".git/HEAD"));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(enough), 0, enough, 0);
    if (bytesRead === enough) return null;
    const value = parseLooseRef(buffer.subarray(0, bytesRead));
    return value !== null && "symbolic" in value && value.symbolic.startsWith(heads)
      ? value.symbolic.slice(heads.length)
      : null;
  } catch {
    return null;
  }
}

/** Whether a branch is, by its name, what others run. */
export function looksLikeProduction(branch: string): boolean {
  return /(^|[/_.-])(main|master|trunk|live|stable|prod|production|release|releases)([/_.-]|$)/i.test(branch);
}
