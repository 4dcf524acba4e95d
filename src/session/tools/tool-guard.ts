import type { Answer } from "../../model/question.js";
import type { SessionRecord } from "../../model/session.js";
import type { Caller, TrustSubject } from "../../model/tool.js";
import type { TrustDecision } from "../../model/trust.js";
import { decideTrust } from "../../trust/decide.js";
import type { ReadShell } from "../../trust/shell-reading.js";
import { wantsAuto } from "../auto/auto-place.js";
import type { Workbench } from "../workbench.js";
import type { Asker } from "./ask-session.js";
import type { ToolGuard, ToolQuestion } from "./call-tool.js";
import type { Toolbox } from "./toolbox.js";
import { addTrust, currentTrust, giveBackCall, takeCall } from "./trust-all.js";
import type { LiveTrust } from "./trust-file.js";

/** How long a call waits for a person when nothing is said; clients' own patience ends not much later. */
const usualSeconds = 50;

const noShell: ReadShell = () => ({ kind: "unclear", why: "the grammar was not loaded", commands: [], redirects: [] });

interface Trusted {
  readonly record: Pick<SessionRecord, "id" | "workspace">;
  readonly trust: LiveTrust;
}

async function decide(bench: Workbench, trusted: Trusted, subject: TrustSubject): Promise<TrustDecision> {
  const { record, trust } = trusted;
  const state = await currentTrust(bench, record, () => trust.load());
  const readShell =
    subject.tool === "shell" ? await (await import("../../trust/shell-grammar.js")).loadShellGrammar() : noShell;
  const decision = decideTrust(state, subject, { now: Date.now(), readShell });
  if (subject.tool !== "aws" || decision.verdict !== "ask" || !(await hasGateway(bench, record.id))) return decision;
  // The gateway has the same rules and knows the call itself, with its resources: it asks, once.
  return { ...decision, verdict: "allow", rule: "the gateway asks", why: "the gateway decides on each call" };
}

async function hasGateway(bench: Workbench, session: string): Promise<boolean> {
  const { loadAws } = await import("../aws/aws-file.js");
  return (await loadAws(bench.home, session))?.wish.mode === "gateway";
}

interface Wish {
  readonly subject: ToolQuestion;
  readonly decision: TrustDecision;
  readonly caller: Caller;
  readonly signal: AbortSignal | undefined;
  readonly asker: Asker | null;
  readonly seconds: number;
}

/** Asks where people look for questions; what they grant beyond this call is trusted from now on. */
async function ask(
  bench: Workbench,
  record: Pick<SessionRecord, "id" | "workspace">,
  { subject, decision, caller, signal, asker, seconds }: Wish,
): Promise<Answer> {
  const { askSession } = await import("./ask-session.js");
  const answer = await askSession(bench, record.id, { subject, caller, seconds, signal, asker });
  await grantAnswer(bench, record, decision, answer);
  return answer;
}

/** Makes rules of an answer that holds for more than its call. */
async function grantAnswer(
  bench: Workbench,
  record: Pick<SessionRecord, "id" | "workspace">,
  { tiers }: TrustDecision,
  { verdict, scope, tier }: Answer,
): Promise<void> {
  const granted = tier === null ? undefined : tiers[tier];
  if (verdict === "allow" && scope !== "once" && granted !== undefined) await addTrust(bench, record, granted.rules);
}

// Whatever is not known to write nothing may write.
const onlyLooks: ReadonlySet<string> = new Set(["read", "glob", "grep"]);

async function protect(bench: Workbench, session: string, call: Parameters<ToolGuard["protect"]>[0]): Promise<void> {
  if (onlyLooks.has(call.tool) || !wantsAuto(bench.home, session)) return;
  const { snapshotBefore } = await import("../auto/before-call.js");
  await snapshotBefore(bench, session, call);
}

/** What guards the calls of a session: its trust, the people who may be asked, its journal. */
export function toolGuard(
  bench: Workbench,
  { session, place, trust }: Pick<Toolbox, "session" | "place" | "trust">,
  {
    caller,
    asker,
    seconds = usualSeconds,
  }: { readonly caller: Caller; readonly asker: Asker | null; readonly seconds?: number },
): ToolGuard {
  const record = { id: session, workspace: place.workspace };
  return {
    decide: (subject) => decide(bench, { record, trust }, subject),
    take: async () => await takeCall(bench, record),
    giveBack: async () => await giveBackCall(bench, record),
    ask: (subject, decision, signal) => ask(bench, record, { subject, decision, caller, signal, asker, seconds }),
    protect: async (call) => await protect(bench, record.id, call),
    record: bench.recorder(record.id),
  };
}
