import type { GateKey } from "../../model/key.js";
import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";
import { hasNetwork } from "./hatch.js";
import { loadKeys } from "./keys-file.js";

/** Which connections of a session end at the gate. */
export interface Ends {
  readonly keys: readonly GateKey[];
  /** Those to AWS's own hosts. */
  readonly intercepts: boolean;
}

async function interceptsAws(bench: Workbench, record: SessionRecord): Promise<boolean> {
  if (record.aws !== "gateway") return false;
  const { loadAws } = await import("../aws/aws-file.js");
  return (await loadAws(bench.home, record.id))?.wish.intercept === true;
}

/** For most sessions none. */
export async function endsOf(bench: Workbench, record: SessionRecord): Promise<Ends> {
  const [keys, intercepts] = await Promise.all([
    hasNetwork(record) ? loadKeys(bench.home, record.id) : [],
    interceptsAws(bench, record),
  ]);
  return { keys, intercepts };
}
