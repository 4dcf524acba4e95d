import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { listApplies } from "../../apply/applies.js";
import { isUnfinished } from "../../apply/recover.js";
import { applyOperations } from "../../apply/transaction.js";
import { syncFolder } from "../../base/atomic-file.js";
import { messageOf } from "../../base/errors.js";
import { takeLock } from "../../base/file-lock.js";
import type { ApplySummary, Operation, OperationSource } from "../../model/apply.js";
import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";
import { applyFolder, applyingFolder, projectLock } from "./apply-folder.js";

interface WriteWish {
  readonly kind: "apply" | "undo";
  /** The apply that an undo takes back. */
  readonly undoes: string | null;
  readonly operations: readonly Operation[];
  readonly source: OperationSource;
  /** False: not made durable. */
  readonly sync: boolean;
}

/** `brisk-otter-3f2a/a2`. */
export function applyName(session: string, id: string): string {
  return `${session}/${id}`;
}

function nextId(applies: readonly ApplySummary[]): string {
  return `a${Math.max(0, ...applies.map(({ id }) => Number(id.slice(1)))) + 1}`;
}

/**
 * Writes the project, all or nothing, with the journal on both sides of it. The caller holds the session's lock. Throws
 * what the transaction throws; the project is then as it was.
 */
export async function writeProject(bench: Workbench, record: SessionRecord, wish: WriteWish): Promise<ApplySummary> {
  const { home } = bench;
  const folder = applyFolder(home, record.id);
  const id = nextId(await listApplies(folder));
  const name = applyName(record.id, id);
  const journal = bench.recorder(record.id);
  const { kind, undoes, operations } = wish;
  await journal({ kind: `${kind}.begin`, data: { apply: name, undoes, paths: operations.length } });
  await mkdir(applyingFolder(home), { recursive: true, mode: 0o700 });
  const marker = await takeLock(join(applyingFolder(home), `${record.id}.${id}`), { waitMs: 0 });
  await syncFolder(applyingFolder(home));
  try {
    const summary = await applyOperations({
      folder: join(folder, id),
      header: { id, session: record.id, kind, undoes, createdAt: new Date().toISOString() },
      root: record.project,
      lock: projectLock(home, record.project),
      asRoot: bench.surroundings.uid === 0,
      operations,
      source: wish.source,
      sync: wish.sync,
      signal: bench.signal,
      onProgress: (done, total) => bench.surroundings.onProgress(`${kind}ing`, `${done} of ${total}`),
    });
    await journal({ kind: `${kind}.done`, data: { apply: name, paths: summary.paths } });
    return summary;
  } catch (error) {
    await journal({ kind: `${kind}.failed`, data: { apply: name, why: messageOf(error) } });
    throw error;
  } finally {
    bench.surroundings.onProgress("", "");
    // What could not be ended now is left to the next command, which finds this process gone and its marker there.
    if (!isUnfinished(join(folder, id))) await marker?.[Symbol.asyncDispose]();
  }
}
