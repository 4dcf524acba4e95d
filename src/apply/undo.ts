import { constants, createReadStream, readdirSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { decodePath } from "../base/byte-path.js";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { HostState, Operation, OperationSource, WantedEntry } from "../model/apply.js";
import type { EntryState } from "../model/change.js";
import type { LoadedApply } from "./applies.js";
import { differenceFrom, hashFileAt, isUntouched } from "./host-state.js";
import { openProjectTree, type ProjectTree } from "./project-tree.js";
import type { Step } from "./record.js";

/** An apply read backwards: to be carried out as an apply of its own, so that it can be undone as well. */
export interface UndoPlan {
  readonly operations: readonly Operation[];
  readonly source: OperationSource;
}

const mostNamed = 10;
const wholeBytes = 1024 * 1024;

/** What an apply did to a path as a whole: a change of type is two steps. */
interface Reversal {
  readonly path: string;
  readonly before: HostState | null;
  readonly left: HostState | null;
  readonly wanted: WantedEntry | null;
  /** The number of the before-image, where content is to be brought back. */
  readonly image: number | null;
}

/**
 * Plans to take an apply back, exactly. Throws `E_HOST_MOVED_ON`, naming the paths, where the host is not as the apply left
 * it any more: what somebody did since is not lost.
 */
export async function planUndo(
  loaded: LoadedApply,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {},
): Promise<UndoPlan> {
  using tree = openProjectTree(loaded.record.root);
  const reversals = reversalsOf(loaded);
  const moved: string[] = [];
  for (const { path, left } of reversals) {
    signal.throwIfAborted();
    const difference = differenceFrom(left, await lookNow(tree, path, left, signal));
    if (difference !== null) moved.push(`${displayPath(path)} ${difference}`);
  }
  moved.push(...newcomers(tree, reversals));
  if (moved.length > 0) throw movedOn(loaded, moved);
  const folders = foldersOf(loaded, tree, new Set(reversals.map(({ path }) => path)));
  return { operations: [...reversals.map(operationOf), ...folders], source: imageSource(loaded.folder, reversals) };
}

function movedOn({ record }: LoadedApply, moved: readonly string[]): AirlockError {
  const more = moved.length > mostNamed ? `, and ${moved.length - mostNamed} more` : "";
  const named = moved.slice(0, mostNamed).join(", ");
  return new AirlockError("E_HOST_MOVED_ON", `changed since apply ${record.session}/${record.id}: ${named}${more}`, {
    hint: "bring these paths back to what the apply made of them, or change them by hand",
  });
}

async function lookNow(
  tree: ProjectTree,
  path: string,
  left: HostState | null,
  signal: AbortSignal,
): Promise<HostState | null> {
  const now = tree.look(path);
  if (now?.type !== "file" || left?.type !== "file" || now.size !== left.size) return now;
  if (isUntouched(left, now)) return left;
  return (await hashFileAt(tree.at(path), signal)) ?? { ...now, sha256: "" };
}

// A folder that the apply made goes only when nobody put anything into it.
function newcomers(tree: ProjectTree, reversals: readonly Reversal[]): string[] {
  const known = new Set(reversals.filter(({ wanted }) => wanted === null).map(({ path }) => path));
  const found: string[] = [];
  for (const { path, left, wanted } of reversals) {
    if (left?.type !== "dir" || wanted?.type === "dir") continue;
    const folder = tree.folderIfAny(path);
    const names = folder === null ? [] : readdirSync(folder, { encoding: "buffer" }).map(decodePath);
    for (const name of names) {
      if (!known.has(`${path}/${name}`)) found.push(`${displayPath(`${path}/${name}`)} is new`);
    }
  }
  return found;
}

function reversalsOf({ steps, settled }: LoadedApply): Reversal[] {
  const byPath = new Map<string, Step>();
  for (const step of steps.steps) if (!byPath.has(step.path)) byPath.set(step.path, step);
  const groups = linkGroups([...byPath.values()]);
  return [...byPath].map(([path, first]) => {
    const left = settled.get(path)?.state ?? null;
    const { before } = first;
    const content = before?.type === "file" && first.act !== "adjust";
    const link = before === null ? undefined : groups.get(`${before.device}:${before.inode}`);
    const wanted = before === null ? null : wantedOf(before, content ? link : undefined);
    return { path, before, left, wanted, image: content ? first.number : null };
  });
}

// Names of one inode become names of one inode again, as far as the apply touched them.
function linkGroups(steps: readonly Step[]): ReadonlyMap<string, string> {
  const names = new Map<string, number>();
  for (const { before, act } of steps) {
    if (before?.type !== "file" || before.links < 2 || act === "adjust") continue;
    const key = `${before.device}:${before.inode}`;
    names.set(key, (names.get(key) ?? 0) + 1);
  }
  return new Map([...names].filter(([, count]) => count > 1).map(([key]) => [key, key]));
}

function wantedOf(before: HostState, link: string | undefined): WantedEntry {
  const { type, mode, mtimeNs, target, size, sha256, uid, gid } = before;
  if (type === "special") throw new AirlockError("E_INTERNAL", "an apply removed a device, pipe or socket");
  return {
    type,
    mode,
    mtimeNs: BigInt(mtimeNs),
    ...(target === undefined ? {} : { target }),
    ...(type === "file" ? { size } : {}),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(link === undefined ? {} : { link }),
    owner: { uid, gid },
  };
}

function stateOf({ type, mode, size, sha256, target }: HostState): EntryState {
  return {
    type,
    mode,
    size,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(target === undefined ? {} : { target }),
  };
}

function operationOf({ path, left, wanted, image }: Reversal): Operation {
  return {
    path,
    expected: left === null ? null : stateOf(left),
    after: wanted,
    content: image === null ? null : { from: path },
  };
}

// The apply moved the times of folders whose entries came and went.
function foldersOf({ steps }: LoadedApply, tree: ProjectTree, reversed: ReadonlySet<string>): Operation[] {
  const operations: Operation[] = [];
  for (const { folder, before } of steps.folders) {
    const now = reversed.has(folder) ? null : tree.look(folder);
    if (now?.type !== "dir") continue;
    const mtimeNs = BigInt(before.mtimeNs);
    const after: WantedEntry = { type: "dir", mode: now.mode, mtimeNs };
    operations.push({ path: folder, expected: stateOf(now), after, content: null });
  }
  return operations;
}

function imageSource(folder: string, reversals: readonly Reversal[]): OperationSource {
  const images = new Map(reversals.map(({ path, image, before }) => [path, { image, sha256: before?.sha256 }]));
  return {
    async *fetch(paths, signal) {
      for (const path of paths) {
        const { image, sha256 } = images.get(path) ?? {};
        const file = join(folder, "before", String(image));
        const found = await hashFileAt(Buffer.from(file), signal);
        if (found === null || found.sha256 !== sha256) throw spoiled(path, file);
        if (found.size <= wholeBytes) {
          yield { path, parts: oneOf(readFileSync(file)) };
          continue;
        }
        const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        yield { path, parts: createReadStream("", { fd: handle.fd, autoClose: false, highWaterMark: 1024 * 1024 }) };
        await handle.close();
      }
    },
  };
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function spoiled(path: string, file: string): AirlockError {
  return new AirlockError("E_STATE_DAMAGED", `the old content of ${displayPath(path)} is not in ${file} any more`, {
    hint: "nothing was undone; the other paths can be brought back from that folder by hand",
  });
}
