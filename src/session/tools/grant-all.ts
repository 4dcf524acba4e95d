import type { SessionRecord } from "../../model/session.js";
import type { TrustAll } from "../../model/trust.js";
import { snapshotSession } from "../snapshot.js";
import type { Workbench } from "../workbench.js";
import { beginTrustAll, type TrustAllWish } from "./trust-all.js";
import { markChanges } from "./trust-marks.js";

/** Takes a snapshot, then trusts everything for a while. Without the snapshot nothing is trusted. */
export async function grantAll(bench: Workbench, record: SessionRecord, wish: TrustAllWish): Promise<TrustAll> {
  const snapshot = await snapshotSession(bench, record.id, { message: "before trust-all", reason: "trust-all" });
  // Only for the account at its end: what cannot be listed can be trusted all the same, as the snapshot is there.
  await markChanges(bench, record.id, snapshot.id).catch(() => undefined);
  return await beginTrustAll(bench, record, snapshot.id, wish);
}
