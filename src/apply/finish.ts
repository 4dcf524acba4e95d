import { closeSync, constants, copyFile, linkSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { syncFolder } from "../base/atomic-file.js";
import { decodePath } from "../base/byte-path.js";
import { hasDescriptorPaths } from "../base/safe-folders.js";
import type { HostState } from "../model/apply.js";
import { failureAt } from "./failures.js";
import { makeDurable, openForSync } from "./make-durable.js";
import { adjustAt, folderOf, type ProjectTree } from "./project-tree.js";
import { type ApplyRecord, addSettled, type Settled, type Step, type Steps } from "./record.js";
import type { Stage } from "./stage.js";

const copyFileAsync = promisify(copyFile);

interface TidyWish {
  readonly tree: ProjectTree;
  readonly stage: Stage | null;
  readonly record: ApplyRecord;
  /** Null when nothing but the stage was written. */
  readonly steps: Steps | null;
  readonly folder: string;
}

/** Keeps the old file of a step in the state folder: by another name where nobody else can write to it, else as a copy. */
async function keepImage(stage: Stage, step: Step, folder: string): Promise<void> {
  const from = stage.at(`b${step.number}`);
  const to = join(folder, "before", String(step.number));
  // A file with other names in the project would change under the image's hands.
  if ((step.before?.links ?? 2) === 1) {
    try {
      linkSync(from, to);
      return;
    } catch {
      // Another file system, or one without hard links.
    }
  }
  await rm(to, { force: true });
  const handle = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const source = hasDescriptorPaths() ? `/proc/self/fd/${handle}` : decodePath(from);
    await copyFileAsync(source, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } finally {
    closeSync(handle);
  }
}

const hasImage = ({ act, before }: Step): boolean => (act === "remove" || act === "replace") && before?.type === "file";

/** Keeps the before-images of steps; `steps` may be those only whose paths somebody else changed. */
export async function keepBeforeImages(
  stage: Stage,
  steps: readonly Step[],
  folder: string,
  { sync, onStep }: { readonly sync: boolean; readonly onStep: (what: string) => void },
): Promise<void> {
  const kept = steps.filter(hasImage);
  for (const step of kept) {
    if (stage.look(`b${step.number}`) === null) continue;
    onStep(`image ${step.number}`);
    try {
      await keepImage(stage, step, folder);
    } catch (error) {
      throw failureAt(step.path, "keep the old content of", error);
    }
  }
  if (!sync || kept.length === 0) return;
  const images = join(folder, "before");
  const handles = function* () {
    for (const { number } of kept) yield openForSync(Buffer.from(join(images, String(number))));
  };
  await makeDurable({ folder: Buffer.from(images), count: kept.length, handles: handles() });
  await syncFolder(images);
}

/** What arrived inside a new folder is as it was staged: the rename of the folder touches none of it. */
function arrivedInside(steps: readonly Step[]): ReadonlyMap<string, HostState> {
  const states = new Map<string, HostState>();
  for (const { path, carriedBy, staged, after } of steps) {
    // A file of several names went on changing with each of them.
    if (carriedBy !== null && staged !== null && after?.link === undefined) states.set(path, staged);
  }
  return states;
}

/** What every path of an apply is now, and the folders that hold them. */
export function settle(tree: ProjectTree, { steps, folders }: Steps, as: "before" | "after"): Settled[] {
  const hashes = new Map<string, string>();
  for (const { path, after, staged, before } of steps) {
    const sha256 = as === "before" ? before?.sha256 : (staged?.sha256 ?? after?.sha256 ?? before?.sha256);
    if (sha256 !== undefined) hashes.set(path, sha256);
  }
  const paths = [...new Set(steps.map(({ path }) => path))];
  const asStaged = as === "after" ? arrivedInside(steps) : new Map<string, HostState>();
  const changed = paths.map((path): Settled => {
    const state = asStaged.get(path) ?? tree.look(path);
    const sha256 = hashes.get(path);
    return { path, state: state?.type === "file" && sha256 !== undefined ? { ...state, sha256 } : state };
  });
  const known = new Set(paths);
  const holding = folders
    .filter(({ folder }) => !known.has(folder))
    .map(({ folder, before }): Settled => ({ path: folder, state: tree.look(folder), was: before.ctimeNs }));
  return [...changed, ...holding];
}

/**
 * Removes the stage and gives the project's own folder the time that it shall have: what comes and goes in it for our sake
 * alone is no change of it. Can be done again after a crash.
 */
export async function tidy({ tree, stage, record, steps, folder }: TidyWish): Promise<void> {
  const committed = record.phase === "committed";
  const wished = committed ? steps?.steps.find(({ path }) => path === ".")?.after?.mtimeNs : null;
  const changes = committed && (steps?.steps.some(changesRoot) ?? false);
  const seen = changes ? tree.look(".")?.mtimeNs : undefined;
  stage?.remove();
  const now = tree.look(".");
  if (now === null) return;
  adjustAt(tree.at("."), now, { mtimeNs: wished ?? BigInt(seen ?? record.root.mtimeNs) });
  const was = steps?.folders.find((one) => one.folder === ".")?.before.ctimeNs;
  await addSettled(folder, { path: ".", state: tree.look("."), ...(was === undefined ? {} : { was }) });
}

const changesRoot = ({ path, act }: Step): boolean => (act === "make" || act === "remove") && folderOf(path) === ".";
