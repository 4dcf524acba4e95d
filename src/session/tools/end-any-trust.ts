import { isAirlockError } from "../../base/errors.js";
import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";
import { hasTrust } from "./trust-place.js";

/** Ends the trust in everything where there may be any. Few sessions have it, and only those load what it needs. */
export async function endAnyTrustAll(
  bench: Workbench,
  record: Pick<SessionRecord, "id" | "workspace">,
  reason: string,
): Promise<void> {
  if (!(await hasTrust(bench.home, record.id))) return;
  const { stopTrustAll } = await import("./trust-all.js");
  try {
    await stopTrustAll(bench, record, reason);
  } catch (error) {
    // A file that cannot be read trusts nothing.
    if (!isAirlockError(error, "E_STATE_DAMAGED")) throw error;
  }
}
