import { newToken } from "../../base/ids.js";
import type { HookAgent } from "../../hooks/agents.js";
import type { HookEvent } from "../../hooks/read-event.js";
import { type HookAnswer, renderAllowed, renderDenied, silence } from "../../hooks/render-answer.js";
import type { TrustDecision, TrustState } from "../../model/trust.js";
import { isTrustingAll } from "../../trust/decide.js";
import { type CallPlace, judge, recordCall, type ToolGuard, type ToolQuestion } from "../tools/call-tool.js";

export type BeforeTool = HookEvent & { readonly phase: "before" };

export interface Judge {
  readonly place: CallPlace;
  readonly guard: ToolGuard;
  /** What the session trusts at this moment. */
  readonly trust: () => Promise<TrustState>;
  readonly caller: string;
  readonly signal: AbortSignal;
}

/** What is to become of a tool of an agent's own. `none`: it is the agent's business alone. */
export type Judged = { readonly kind: "allow" | "deny"; readonly why: string } | { readonly kind: "none" };

const unknownTool = "it is a tool of the agent's own that is not known here";

const maxShown = 64 * 1024;

async function recordOther(
  { guard, caller }: Judge,
  { name, use }: BeforeTool,
  verdict: { readonly decision: "allow" | "deny"; readonly rule: string; readonly by: string },
): Promise<Recorded> {
  const id = newToken(6);
  const data = { call: id, caller, tool: "other", arguments: { name }, use, ...verdict };
  await guard.record({ kind: "tool.call", data });
  return { tool: "other", id };
}

// Where something is denied, a tool that nobody here can read may do just that: it is asked about even then.
async function isTrusted({ guard, trust }: Judge): Promise<string | null> {
  const state = await trust();
  if (!isTrustingAll(state, Date.now()) || state.rules.some(({ action }) => action === "deny")) return null;
  if (state.trustAll?.callsLeft != null && !(await guard.take())) return null;
  return `trust-all until ${new Date(state.trustAll?.until ?? 0).toISOString()}`;
}

/** A call that was written down. */
interface Recorded {
  readonly tool: string;
  readonly id: string;
}

// Once it is allowed, the agent runs it by itself.
async function allow({ guard }: Judge, calls: readonly Recorded[], why: string): Promise<Judged> {
  for (const call of calls) await guard.protect(call);
  return { kind: "allow", why };
}

async function judgeUnknown(by: Judge, event: BeforeTool): Promise<Judged> {
  const { guard, signal } = by;
  const rule = await isTrusted(by);
  if (rule !== null) {
    return await allow(by, [await recordOther(by, event, { decision: "allow", rule, by: "trust" })], rule);
  }
  const question: ToolQuestion = {
    kind: "tool",
    tool: "other",
    arguments: { name: event.name, input: (JSON.stringify(event.input) ?? "").slice(0, maxShown) },
    folder: event.folder,
    touches: [],
    risk: [],
    why: unknownTool,
    tiers: [],
  };
  const decision: TrustDecision = { verdict: "ask", rule: "no rule", why: unknownTool, tiers: [] };
  const answer = await guard.ask(question, decision, signal);
  const allowed = answer?.verdict === "allow";
  const who = answer?.by ?? "nobody";
  const call = await recordOther(by, event, { decision: allowed ? "allow" : "deny", rule: "no rule", by: who });
  if (allowed) return await allow(by, [call], `${who} allowed it`);
  const said = answer?.reason == null ? "" : ` They say: ${answer.reason}`;
  return { kind: "deny", why: `denied: ${unknownTool}, and nobody allowed it.${said}` };
}

/** Decides on a tool that an agent is about to use, as if it were one of ours; what is decided is in the journal before the agent knows. */
export async function judgeTool(by: Judge, event: BeforeTool): Promise<Judged> {
  const { guard, caller, place, signal } = by;
  if (event.calls === null) return await judgeUnknown(by, event);
  if (event.calls.length === 0) {
    await recordOther(by, event, { decision: "allow", rule: "nothing outside of the agent", by: "trust" });
    return { kind: "none" };
  }
  const calls: Recorded[] = [];
  let why = "";
  for (const { tool, arguments: given } of event.calls) {
    // The agent opens what it opens by itself: where links lead is looked at in any case.
    const verdict = await judge(place, guard, { name: tool, arguments: given, caller, signal }, true);
    const id = newToken(6);
    await recordCall(guard, { caller }, { verdict, id });
    calls.push({ tool, id });
    if (verdict.kind === "denied") return { kind: "deny", why: verdict.outcome.text };
    why = verdict.rule;
  }
  return await allow(by, calls, why);
}

/** The same, said as the agent's hooks are answered. */
export async function judgeHook(by: Judge, agent: HookAgent, event: BeforeTool): Promise<HookAnswer> {
  const judged = await judgeTool(by, event);
  if (judged.kind === "none") return silence;
  return judged.kind === "allow" ? renderAllowed(agent, judged.why) : renderDenied(agent, judged.why);
}
