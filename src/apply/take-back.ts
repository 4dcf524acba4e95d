import { displayPath } from "../base/escape.js";
import type { Skipped } from "../model/apply.js";
import { keepBeforeImages, settle, tidy } from "./finish.js";
import { makeDurable, openForSync } from "./make-durable.js";
import type { ProjectTree } from "./project-tree.js";
import { type ApplyRecord, type Steps, saveApply, saveSettled } from "./record.js";
import { type RolledBack, rollBack } from "./roll-back.js";
import { openStage } from "./stage.js";

interface TakeBackWish {
  readonly tree: ProjectTree;
  readonly record: ApplyRecord;
  readonly steps: Steps;
  readonly folder: string;
  readonly sync: boolean;
  readonly onStep: (what: string) => void;
}

/**
 * Brings the project back to what it was before an apply, and closes the apply's record. When something could not be
 * brought back, the record stays open, and the old content in the stage, for the next attempt.
 */
export async function takeBack(wish: TakeBackWish): Promise<RolledBack> {
  const { tree, record, steps, folder, sync, onStep } = wish;
  using stage = openStage(tree, record.stage);
  const result = await rollBack({ tree, stage, ...steps, onStep });
  if (sync) await syncFolders(tree, steps);
  if (stage !== null && result.kept.length > 0) {
    const kept = new Set(result.kept.map(({ path }) => path));
    const theirs = steps.steps.filter(({ path }) => kept.has(path));
    await keepBeforeImages(stage, theirs, folder, { sync, onStep });
  }
  if (result.failed.length > 0) return result;
  const closed: ApplyRecord = { ...record, phase: "rolled-back" };
  onStep("settle");
  await saveSettled(folder, settle(tree, steps, "before"), sync);
  onStep("tidy");
  await tidy({ tree, stage, record: closed, steps, folder });
  onStep("close");
  await saveApply(folder, closed, sync);
  return result;
}

/** Makes what happened in the folders of an apply durable. */
export async function syncFolders(tree: ProjectTree, { folders }: Steps): Promise<void> {
  const handles = function* () {
    for (const { folder } of folders) if (tree.look(folder)?.type === "dir") yield openForSync(tree.at(folder));
  };
  await makeDurable({ folder: tree.folder("."), count: folders.length, handles: handles() });
}

const mostNamed = 20;

function list(paths: readonly Skipped[]): string {
  const named = paths.slice(0, mostNamed).map(({ path, reason }) => `${displayPath(path)} (${reason})`);
  if (paths.length > mostNamed) named.push(`${paths.length - mostNamed} more`);
  return named.join(", ");
}

/** What a roll-back left as it is, in words. */
export function describeLeft({ kept, failed }: RolledBack): string {
  const parts: string[] = [];
  if (failed.length > 0) parts.push(`could not be taken back: ${list(failed)}`);
  if (kept.length > 0) parts.push(`taken back, but left as they are: ${list(kept)}`);
  return parts.join("; ");
}
