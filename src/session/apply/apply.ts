import { createHash } from "node:crypto";
import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { planApply } from "../../apply/plan.js";
import { AirlockError } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { openHostBase } from "../../changes/host-base.js";
import type { ApplyPlan, ConflictPolicy, OperationSource, Skipped } from "../../model/apply.js";
import type { Change, EntryState } from "../../model/change.js";
import { mergeThreeWay } from "../../text/merge-three-way.js";

import { openContents } from "../changes.js";
import { pauseSandbox } from "../sandbox/pause.js";
import { lockSession, requireLiveSession } from "../store.js";
import type { Workbench } from "../workbench.js";
import { dropApplyWish } from "./apply-wish.js";
import { recordLeft } from "./feedback.js";
import { openMergeBase } from "./merge-base.js";
import type { Review } from "./review.js";
import { applyName, writeProject } from "./write-project.js";

/** What is to be planned. */
export interface PlanWish {
  readonly chosen: readonly Change[];
  /** Contents of files of which only some hunks were chosen. */
  readonly overrides: ReadonlyMap<string, Uint8Array>;
  /** Paths that a person said no to: no other path may take them in. */
  readonly refused?: ReadonlySet<string>;
  readonly policy: ConflictPolicy;
  /** With `merge`: for what cannot be merged. */
  readonly unmerged?: ConflictPolicy;
}

/** What an apply did; the names are those that `--json` prints. */
export interface ApplyResult {
  readonly applyId: string;
  readonly applied: readonly string[];
  readonly skipped: readonly Skipped[];
  readonly conflicts: readonly Skipped[];
}

const largestMerged = 1024 * 1024;
// A folder with more names than this is not looked through for names that differ in case only.
const maxSiblings = 20_000;

function isContent(bytes: Uint8Array | null, state: EntryState | null): bytes is Uint8Array {
  return bytes !== null && createHash("sha256").update(bytes).digest("hex") === state?.sha256;
}

/** Whether the project's file system takes names that differ in case for the same, by what it does with the project's own. */
async function foldsCase(project: string): Promise<boolean> {
  const name = basename(project);
  const other = [...name]
    .map((each) => (each === each.toLowerCase() ? each.toUpperCase() : each.toLowerCase()))
    .join("");
  if (other === name) return false;
  const [one, two] = await Promise.all([lstat(project), lstat(join(dirname(project), other)).catch(() => null)]);
  return two !== null && one.ino === two.ino && one.dev === two.dev;
}

/** The merges that are clean, of the files that both sides changed. */
async function mergeAll(
  bench: Workbench,
  review: Review,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const merged = new Map<string, Uint8Array>();
  const baseOf = await openMergeBase(bench, review.record);
  await using source = await openContents(bench, review.record, changes);
  for (const { path, before, after } of changes) {
    const base = await baseOf(path);
    const host = await source.readBefore(path, largestMerged);
    const sandbox = await source.readAfter(path, largestMerged);
    // What is merged must be what was reviewed; where it is not, the conflict stays.
    if (base === null || !isContent(host, before) || !isContent(sandbox, after)) continue;
    const result = mergeThreeWay(base, host, sandbox);
    if ("bytes" in result) merged.set(path, result.bytes);
  }
  return merged;
}

/** What an apply of the chosen changes would do. */
export async function makeApplyPlan(bench: Workbench, review: Review, wish: PlanWish): Promise<ApplyPlan> {
  const both = wish.chosen.filter(({ conflict, kind, type }) => conflict && kind === "modified" && type === "file");
  const merged = wish.policy === "merge" ? await mergeAll(bench, review, both) : new Map<string, Uint8Array>();
  await using base = openHostBase(review.record.project.path);
  return planApply({
    ...wish,
    changes: review.changes.changes,
    entries: review.entries,
    session: review.record.id,
    siblings: (folder) => base.listSome(folder, maxSiblings),
    caseInsensitive: await foldsCase(review.record.project.path),
    mergeOf: (path) => merged.get(path) ?? null,
  });
}

/** The contents that the review holds, and the rest from the session's layer: the transaction checks the hash of each. */
function layerSource(bench: Workbench, { record, contents }: Review): OperationSource {
  return {
    held: (path) => contents.get(path) ?? null,
    async *fetch(paths) {
      const keeper = await bench.contentKeeper();
      for await (const { path, parts } of keeper.fetchFiles({ session: record.id, layer: "workspace", paths })) {
        if (parts === null) {
          throw new AirlockError("E_APPLY_CONFLICT", `${displayPath(path)} is no file in the session any more`, {
            hint: "what runs in the session changed it after you looked: look again",
          });
        }
        yield { path, parts };
      }
    },
  };
}

/** Carries a plan out: all of it or nothing. A running sandbox is held still meanwhile. */
export async function applyPlan(
  bench: Workbench,
  review: Review,
  plan: ApplyPlan,
  { sync, rejected = [] }: { readonly sync: boolean; readonly rejected?: readonly Skipped[] },
): Promise<ApplyResult> {
  const { id } = review.record;
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await requireLiveSession(bench.home, id);
  await using _still = await pauseSandbox(bench, record);
  const { operations, skipped, conflicts } = plan;
  await recordLeft(bench, id, [...rejected, ...skipped]);
  const summary = await writeProject(bench, record, {
    kind: "apply",
    undoes: null,
    operations,
    source: layerSource(bench, review),
    sync,
  });
  await dropApplyWish(bench.home, id);
  return { applyId: applyName(id, summary.id), applied: operations.map(({ path }) => path), skipped, conflicts };
}
