import { execFileSync } from "node:child_process";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describeGit } from "../../../src/git/describe.js";
import { hostHistory } from "../../../src/git/host-history.js";
import type { GitReport, ReadFile } from "../../../src/git/report.js";
import { gitRunner } from "../../../src/git/run-git.js";
import type { Change, EntryState } from "../../../src/model/change.js";

const { signal } = new AbortController();

let clock = 1_700_000_000;

/** Runs git as a person would, each call a minute after the last. */
export function git(folder: string, ...args: string[]): string {
  clock += 60;
  const date = `${clock} +0000`;
  return execFileSync("git", ["-c", "init.defaultBranch=main", ...args], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Ann Author",
      GIT_AUTHOR_EMAIL: "ann@example.org",
      GIT_COMMITTER_NAME: "Carl Committer",
      GIT_COMMITTER_EMAIL: "carl@example.org",
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    },
  }).trim();
}

function existsAt(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function stateOf(path: string): EntryState | null {
  if (!existsAt(path)) return null;
  const found = lstatSync(path);
  const mode = found.mode & 0o7777;
  if (found.isSymbolicLink()) return { type: "symlink", mode: 0o777, size: found.size, target: readlinkSync(path) };
  if (found.isDirectory()) return { type: "dir", mode, size: 0 };
  return { type: found.isFile() ? "file" : "special", mode, size: found.size };
}

function pathsIn(root: string, folder = ""): string[] {
  if (stateOf(join(root, folder))?.type !== "dir") return [];
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    return [path, ...pathsIn(root, path)];
  });
}

/** A project on the host and the session's view of it, both real folders. */
export class TwoSides implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "airlock-git-"));
  readonly host = join(this.root, "host");
  readonly work = join(this.root, "work");

  /** `fill` makes the host's side; then the session begins. */
  constructor(fill: (host: string) => void = (host) => this.commit(host, "first", { "a.txt": "one\n" })) {
    mkdirSync(this.host);
    git(this.host, "init", "-q");
    fill(this.host);
    this.begin();
  }

  begin(): void {
    rmSync(this.work, { recursive: true, force: true });
    cpSync(this.host, this.work, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  }

  commit(folder: string, subject: string, files: Record<string, string> = {}): string {
    for (const [path, content] of Object.entries(files)) this.write(folder, path, content);
    git(folder, "add", "-A");
    git(folder, "commit", "-q", "--allow-empty", "-m", subject);
    return git(folder, "rev-parse", "HEAD");
  }

  write(folder: string, path: string, content: string | Uint8Array, mode = 0o644): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode });
  }

  /** Paths that the host changed after the session began. */
  readonly conflicts = new Set<string>();

  changes(): Change[] {
    const paths = [...new Set([...pathsIn(this.host), ...pathsIn(this.work)])].sort();
    return paths.flatMap((path): Change[] => {
      const [before, after] = [stateOf(join(this.host, path)), stateOf(join(this.work, path))];
      const content = (side: string, state: EntryState | null) =>
        state?.type === "file" ? readFileSync(join(side, path), "latin1") : (state?.target ?? "");
      const moved = before?.type !== after?.type || content(this.host, before) !== content(this.work, after);
      if (!moved) return [];
      const kind =
        before === null ? "added" : after === null ? "deleted" : before.type === after.type ? "modified" : "type";
      const type = (after ?? before)?.type ?? "file";
      return [
        {
          path,
          kind,
          type,
          before,
          after,
          binary: false,
          risk: { level: "none", reasons: [] },
          conflict: this.conflicts.has(path),
          masked: false,
        },
      ];
    });
  }

  reader(side: string): ReadFile {
    return async (path, maxBytes) => {
      const state = stateOf(join(side, path));
      return state?.type !== "file" || state.size > maxBytes ? null : readFileSync(join(side, path));
    };
  }

  async describe({ withGit = true }: { readonly withGit?: boolean } = {}): Promise<GitReport> {
    const run = gitRunner({ path: process.env["PATH"] ?? "", as: null, signal });
    const nothing = { countMissing: async () => null, present: async () => null };
    const history = withGit ? hostHistory(run, join(this.host, ".git")) : nothing;
    const input = { before: this.reader(this.host), after: this.reader(this.work), history, signal };
    const report = await describeGit({ ...input, changes: this.changes() });
    if (report === null) throw new Error("nothing of git's changed");
    return report;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
