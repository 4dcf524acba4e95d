import { newToken } from "../base/ids.js";
import type { SessionRecord } from "../model/session.js";
import type { SessionPlan } from "./plan.js";
import type { Workbench } from "./workbench.js";

/** What was asked of the network, in its own file. Most sessions have none, and none of its code. */
export async function keepNetwork(bench: Workbench, id: string, { network, keys }: SessionPlan): Promise<void> {
  if (network.mode === "none") return;
  const { saveNetwork } = await import("./network/network-file.js");
  await saveNetwork(bench.home, id, network);
  if (keys.length === 0) return;
  const { saveKeys } = await import("./network/keys-file.js");
  await saveKeys(bench.home, id, keys);
}

/** What was asked of AWS. */
export async function keepAws(bench: Workbench, id: string, { aws }: SessionPlan): Promise<void> {
  if (aws === null) return;
  const { saveAws } = await import("./aws/aws-file.js");
  const { wish, account, region } = aws;
  await saveAws(bench.home, id, {
    version: 1,
    wish,
    account,
    region,
    token: newToken(32),
    trace: null,
    arn: null,
    notes: [],
  });
}

/** What is trusted. Most sessions' tools are never called: it is written down only where somebody said so. */
export async function keepTrust(bench: Workbench, record: SessionRecord, { trust }: SessionPlan): Promise<void> {
  if (trust.rules.length === 0 && !trust.all) return;
  const { initialTrust, saveTrust } = await import("./tools/trust-file.js");
  await saveTrust(bench.home, record.id, initialTrust(record.workspace, trust.rules));
  if (!trust.all) return;
  const { beginTrustAll, usualTrustAllSeconds } = await import("./tools/trust-all.js");
  await beginTrustAll(bench, record, "s0", { seconds: usualTrustAllSeconds, calls: null, task: null });
}

/** Whether snapshots are taken by themselves. */
export async function keepAuto(bench: Workbench, id: string, { takesSnapshots }: SessionPlan): Promise<void> {
  if (takesSnapshots !== true) return;
  const { beginAuto } = await import("./auto/auto-file.js");
  await beginAuto(bench, id);
}
