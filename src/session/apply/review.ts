import type { LayerEntry } from "../../model/change.js";
import type { SessionRecord } from "../../model/session.js";
import { changesOf, recordTotals, type SessionChanges } from "../changes.js";
import { pauseSandbox } from "../sandbox/pause.js";
import { lockSession, requireLiveSession } from "../store.js";
import type { Workbench } from "../workbench.js";

/** One state of a session, as a person looks at it and as it is then applied: every content is bound by its hash. */
export interface Review {
  readonly record: SessionRecord;
  readonly changes: SessionChanges;
  /** The layer's entries by path, at the same moment. */
  readonly entries: ReadonlyMap<string, LayerEntry>;
  /** Contents that were read anyway, as far as they are small: what is applied need not be read again. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

const mostHeldBytes = 64 * 1024 * 1024;

/** Looks at a session while its sandbox is held still, with the hash of every content (threat: reviewed is not applied). */
export async function openReview(bench: Workbench, id: string): Promise<Review> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await requireLiveSession(bench.home, id);
  await using _still = await pauseSandbox(bench, record);
  const entries = new Map<string, LayerEntry>();
  const contents = new Map<string, Uint8Array>();
  let held = 0;
  const changes = await changesOf(bench, record, {
    hashes: "all",
    onEntry: (entry) => entries.set(entry.path, entry),
    onContent: (path, bytes) => {
      held += bytes.length;
      if (held <= mostHeldBytes) contents.set(path, bytes);
    },
  });
  await recordTotals(bench, changes);
  return { record, changes, entries, contents };
}
