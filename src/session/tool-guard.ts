import type { SessionRecord } from "../model/session.js";
import type { TrustSubject } from "../model/tool.js";
import type { TrustDecision } from "../model/trust.js";
import { decideTrust, isTrustingAll } from "../trust/decide.js";
import type { ReadShell } from "../trust/shell-reading.js";
import type { ToolGuard } from "./call-tool.js";
import type { Toolbox } from "./toolbox.js";
import { currentTrust, takeCall } from "./trust-all.js";
import type { Workbench } from "./workbench.js";

const noShell: ReadShell = () => ({ kind: "unclear", why: "the grammar was not loaded", commands: [] });

async function decide(
  bench: Workbench,
  record: Pick<SessionRecord, "id" | "workspace">,
  subject: TrustSubject,
): Promise<TrustDecision> {
  const state = await currentTrust(bench, record);
  const readShell =
    subject.tool === "shell" ? await (await import("../trust/shell-grammar.js")).loadShellGrammar() : noShell;
  const now = Date.now();
  const decision = decideTrust(state, subject, { now, readShell });
  const isCounted = isTrustingAll(state, now) && state.trustAll?.callsLeft != null;
  if (decision.verdict !== "allow" || !isCounted) return decision;
  // Another caller may have made the last one meanwhile.
  return (await takeCall(bench, record)) ? decision : await decide(bench, record, subject);
}

/** What guards the calls of a session: its trust, the people who may be asked, its journal. */
export function toolGuard(bench: Workbench, { session, place }: Pick<Toolbox, "session" | "place">): ToolGuard {
  const record = { id: session, workspace: place.workspace };
  return {
    decide: (subject) => decide(bench, record, subject),
    ask: async () => null,
    record: bench.recorder(record.id),
  };
}
