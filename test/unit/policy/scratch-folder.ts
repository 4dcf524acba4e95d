import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface ScratchFolder extends Disposable {
  readonly path: string;
  /** Writes a file, making the folders above it. Returns its absolute path. */
  write(path: string, content?: string | Buffer): string;
  folder(path: string): string;
}

/** A folder of its own below the system's temporary one, removed at the end of the scope. */
export function scratchFolder(): ScratchFolder {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "airlock-policy-")));
  const folder = (path: string): string => {
    const at = join(root, path);
    mkdirSync(at, { recursive: true });
    return at;
  };
  return {
    path: root,
    folder,
    write(path, content = "x") {
      folder(dirname(path));
      const at = join(root, path);
      writeFileSync(at, content);
      return at;
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Runs something without root's right to read everything. */
export async function withoutRoot<Result>(action: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return action();
  process.seteuid?.(65_534);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}
