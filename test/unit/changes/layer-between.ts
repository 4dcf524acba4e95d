import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePath, encodePath } from "../../../src/base/byte-path.js";
import type { ScannedEntry } from "../../../src/changes/draft.js";
import type { LayerContents } from "../../../src/changes/layer-contents.js";

/** A scratch folder that goes when its scope ends. */
export function scratch(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "airlock-changes-"));
  return { path, [Symbol.dispose]: () => void execFileSync("rm", ["-rf", path]) };
}

/** The bytes of a path below a root. */
export function at(root: string, path: string): Buffer {
  return path === "" ? encodePath(root) : Buffer.concat([encodePath(`${root}/`), encodePath(path)]);
}

/** Names in a folder in byte order. */
export function namesIn(root: string, path: string): string[] {
  return readdirSync(at(root, path), { encoding: "buffer" }).sort(Buffer.compare).map(decodePath);
}

export interface TreeNode {
  readonly kind: "file" | "dir" | "symlink" | "special";
  readonly mode: number;
  readonly content: string;
}

/** Everything below a root: kind, permission bits, and content (in hex) or target. */
export function readTree(root: string, folder = "", tree = new Map<string, TreeNode>()): Map<string, TreeNode> {
  for (const name of namesIn(root, folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const stats = lstatSync(at(root, path));
    const mode = stats.mode & 0o7777;
    if (stats.isDirectory()) {
      tree.set(path, { kind: "dir", mode, content: "" });
      readTree(root, path, tree);
    } else if (stats.isSymbolicLink()) {
      tree.set(path, { kind: "symlink", mode: 0o777, content: readlinkSync(at(root, path), "buffer").toString("hex") });
    } else if (stats.isFile()) {
      tree.set(path, { kind: "file", mode, content: readFileSync(at(root, path)).toString("hex") });
    } else tree.set(path, { kind: "special", mode, content: "" });
  }
  return tree;
}

function entryFor(root: string, path: string, opaque: boolean): ScannedEntry {
  const stats = lstatSync(at(root, path), { bigint: true });
  const kind = stats.isFile() ? "file" : stats.isDirectory() ? "dir" : stats.isSymbolicLink() ? "symlink" : "fifo";
  const target = kind === "symlink" ? { target: decodePath(readlinkSync(at(root, path), "buffer")) } : {};
  const size = Number(stats.size);
  // Keepers send along what small files hold, but for those that change while they are read.
  const content = kind === "file" && size > 0 && size % 3 > 0 ? { content: readFileSync(at(root, path)) } : {};
  return { ...blank(path, kind), opaque, mode: Number(stats.mode), size, ...target, ...content };
}

/** An entry with nothing special about it. */
export function blank(path: string, kind: ScannedEntry["kind"]): ScannedEntry {
  const common = { uid: 0, gid: 0, mtimeNs: 0n, links: 1, inode: "1", attributes: [] };
  return { path, kind, opaque: false, mode: kind === "dir" ? 0o755 : 0o644, size: 0, ...common, copiedUp: false };
}

function sameEntry(base: string, result: string, path: string): boolean {
  const left = lstatSync(at(base, path));
  const right = lstatSync(at(result, path));
  if (left.mode !== right.mode) return false;
  if (left.isFile()) return readFileSync(at(base, path)).equals(readFileSync(at(result, path)));
  if (left.isSymbolicLink()) return readlinkSync(at(base, path)) === readlinkSync(at(result, path));
  return left.isDirectory();
}

export interface LayerChoices {
  /** Whether a folder present on both sides was deleted and made anew, so that it hides what lay below it. */
  readonly opaque?: (path: string) => boolean;
  /** Whether an entry that did not change was written to all the same. */
  readonly touched?: (path: string) => boolean;
  /** Paths that the layer never saw. */
  readonly hidden?: (path: string) => boolean;
}

/** What an overlay's upper folder would hold after somebody turned one tree into another. */
export function* layerBetween(
  base: string,
  result: string,
  choices: LayerChoices = {},
  folder = "",
  covered = false,
): Generator<ScannedEntry> {
  const old = covered ? [] : namesIn(base, folder).filter((name) => choices.hidden?.(join(folder, name)) !== true);
  const names = [...new Set([...old, ...namesIn(result, folder)])];
  const now = new Set(namesIn(result, folder));
  names.sort((left, right) => Buffer.compare(encodePath(left), encodePath(right)));
  for (const name of names) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (!now.has(name)) {
      yield blank(path, "whiteout");
      continue;
    }
    const had = old.includes(name);
    const isFolder = lstatSync(at(result, path)).isDirectory();
    const wasFolder = had && lstatSync(at(base, path)).isDirectory();
    if (!isFolder) {
      if (!had || !sameEntry(base, result, path) || choices.touched?.(path) === true)
        yield entryFor(result, path, false);
      continue;
    }
    const opaque = (had && !wasFolder) || (wasFolder && choices.opaque?.(path) === true);
    const inner = [...layerBetween(base, result, choices, path, !wasFolder || opaque)];
    const silent = inner.length === 0 && wasFolder && !opaque && sameEntry(base, result, path);
    if (!silent || choices.touched?.(path) === true) yield entryFor(result, path, opaque);
    yield* inner;
  }
}

async function* partsOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let place = 0; place < bytes.length; place += 100_000) yield bytes.subarray(place, place + 100_000);
}

/** The contents of a layer that lies in a plain folder; counts what was asked for. */
export function contentsOf(root: string): LayerContents & { hashed: string[] } {
  const hashed: string[] = [];
  return {
    hashed,
    hash: (paths) => {
      hashed.push(...paths);
      const each = (path: string) =>
        createHash("sha256")
          .update(readFileSync(at(root, path)))
          .digest("hex");
      return Promise.resolve(new Map(paths.map((path) => [path, each(path)])));
    },
    heads: (paths, bytes) =>
      Promise.resolve(new Map(paths.map((path) => [path, readFileSync(at(root, path)).subarray(0, bytes)]))),
    async *fetch(paths) {
      for (const path of paths) {
        const bytes = readFileSync(at(root, path));
        yield { path, size: bytes.length, parts: partsOf(bytes) };
      }
    },
  };
}
