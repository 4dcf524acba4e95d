import * as z from "zod";
import { readJournal } from "../../journal/read.js";
import type { Skipped } from "../../model/apply.js";
import type { Change } from "../../model/change.js";
import type { SessionRecord } from "../../model/session.js";
import { changesOf } from "../changes.js";
import { journalPaths } from "../home.js";
import type { Workbench } from "../workbench.js";

/** A change that did not reach the host, and why; "" when nobody said. */
export interface LeftChange {
  readonly change: Change;
  readonly reason: string;
}

const perEvent = 100;
const leftSchema = z.strictObject({ left: z.array(z.strictObject({ path: z.string(), reason: z.string() })) });

/** Puts into the journal what was not applied and why, so that the agent can be told. */
export async function recordLeft(bench: Workbench, session: string, left: readonly Skipped[]): Promise<void> {
  const journal = bench.recorder(session);
  for (let at = 0; at < left.length; at += perEvent) {
    const part = left.slice(at, at + perEvent).map(({ path, reason }) => ({ path, reason }));
    await journal({ kind: "review.left", data: { left: part } });
  }
}

/** What a session changed that is not on the host, with the last reason given for each path. */
export async function gatherFeedback(bench: Workbench, record: SessionRecord): Promise<LeftChange[]> {
  const reasons = new Map<string, string>();
  for await (const { kind, data } of readJournal(journalPaths(bench.home, record.id).journal)) {
    const parsed = kind === "review.left" ? leftSchema.safeParse(data) : null;
    if (parsed?.success === true) for (const { path, reason } of parsed.data.left) reasons.set(path, reason);
  }
  // Nobody said anything: there is nothing to compare it with.
  if (reasons.size === 0) return [];
  const { changes } = await changesOf(bench, record, { hashes: "needed" });
  return changes.flatMap((change) => {
    const reason = reasons.get(change.path);
    return reason === undefined ? [] : [{ change, reason }];
  });
}
