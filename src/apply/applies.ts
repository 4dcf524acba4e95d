import { AirlockError } from "../base/errors.js";
import type { ApplySummary } from "../model/apply.js";
import {
  type ApplyRecord,
  applyFolders,
  readApply,
  readSettled,
  readSettledTimes,
  readSteps,
  type Settled,
  type Steps,
  summaryOf,
} from "./record.js";

/** All that is known of an apply. */
export interface LoadedApply {
  readonly folder: string;
  readonly record: ApplyRecord;
  readonly steps: Steps;
  /** What paths were when Airlock was done with them. */
  readonly settled: ReadonlyMap<string, Settled>;
}

/** The applies and undos of a session, oldest first. */
export async function listApplies(sessionApplyFolder: string): Promise<ApplySummary[]> {
  const records = (await applyFolders(sessionApplyFolder)).map(readApply);
  return records.filter((record) => record !== null).map(summaryOf);
}

/** Reads the whole record of an apply. */
export async function loadApply(folder: string): Promise<LoadedApply> {
  const record = readApply(folder);
  if (record === null) throw new AirlockError("E_APPLY_NOT_FOUND", `there is no apply in ${folder}`);
  return { folder, record, steps: readSteps(folder), settled: readSettled(folder) };
}

/**
 * The ctime, in milliseconds, of what Airlock's own applies and roll-backs left on the host, by path ("" is the project
 * itself), so that its own writes are not taken for somebody else's. A folder that got or lost entries counts only if
 * nobody else had changed it after `baseTimeMs` before that: else a deletion on the host would be forgotten.
 */
export async function settledStates(
  sessionApplyFolder: string,
  baseTimeMs: number,
): Promise<ReadonlyMap<string, number>> {
  const settled = new Map<string, number>();
  for (const folder of await applyFolders(sessionApplyFolder)) {
    for (const { path, ctimeNs, was } of readSettledTimes(folder)) {
      const key = path === "." ? "" : path;
      const known = was === null || milliseconds(was) <= baseTimeMs || milliseconds(was) === settled.get(key);
      if (ctimeNs === null || !known) settled.delete(key);
      else settled.set(key, milliseconds(ctimeNs));
    }
  }
  return settled;
}

// As the change set has it: the two are compared to the last bit.
const milliseconds = (nanoseconds: string): number => Number(BigInt(nanoseconds)) / 1e6;
