import { createHash } from "node:crypto";
import { AirlockError, isAirlockError, messageOf } from "../../base/errors.js";
import { newToken } from "../../base/ids.js";
import type { RecordEvent } from "../../model/journal.js";
import type { Answer, QuestionSubject } from "../../model/question.js";
import type { Caller, ToolOutcome, TrustSubject } from "../../model/tool.js";
import type { TrustDecision } from "../../model/trust.js";
import { parseToolCall } from "../../tools/parse-call.js";
import { resolvePaths } from "../../tools/primitives.js";
import { runCall } from "../../tools/run-call.js";
import { pathsOfCall, type ToolCall, withPaths } from "../../tools/tool-call.js";
import { ToolRefusal } from "../../tools/tool-channel.js";
import type { Toolbox } from "./toolbox.js";

/** A call as somebody made it: nothing in it is checked yet. */
export interface ToolRequest {
  /** A tool's name, or one of its aliases. */
  readonly name: string;
  readonly arguments: unknown;
  readonly caller: Caller;
  readonly signal?: AbortSignal | undefined;
  /** Told of what a command prints while it runs. */
  readonly onOutput?: ((piece: Buffer) => void) | undefined;
}

export type ToolQuestion = QuestionSubject & { readonly kind: "tool" };

/** Who says whether a call may run, and writes down what was said. */
export interface ToolGuard {
  decide(subject: TrustSubject): Promise<TrustDecision>;
  /** Takes one of the calls that a trust in everything has left; false: another has taken the last one. */
  take(): Promise<boolean>;
  /** Gives it back: the call did not run. */
  giveBack(): Promise<void>;
  /** Asks a person; null: there is nobody to ask. */
  ask(question: ToolQuestion, decision: TrustDecision, signal: AbortSignal | undefined): Promise<Answer | null>;
  /** Called when it was decided and written down that something runs: what cannot be protected does not run. */
  protect(call: { readonly tool: string; readonly id: string }): Promise<void>;
  record: RecordEvent;
}

/** A call in its normal form, with its paths as they were given and as they are. */
interface Prepared {
  readonly call: ToolCall;
  readonly subject: TrustSubject;
  readonly touches: readonly string[];
}

interface Judged {
  /** One of the calls that a trust in everything has left was taken for it. */
  readonly isCounted?: boolean;
  readonly prepared: Prepared;
  readonly rule: string;
  readonly by: string;
}

type Denial = ToolOutcome & { readonly kind: "denied" };

export type Verdict =
  | (Judged & { readonly kind: "run" })
  | (Judged & { readonly kind: "denied"; readonly outcome: Denial });

function subjectOf(call: ToolCall, paths: readonly string[]): TrustSubject {
  if (call.tool === "shell") {
    const { command, folder, env, persistent } = call;
    return { tool: "shell", command, folder, variables: [...env.keys()], isKept: persistent };
  }
  if (call.tool === "aws") {
    return { tool: "aws", service: call.service, operation: call.operation, region: call.region };
  }
  return { tool: call.tool, paths };
}

/** What is needed to decide on a call: the place that its paths start from, and who says where they lead. */
export type CallPlace = Pick<Toolbox, "place" | "channel">;

function prepare(toolbox: CallPlace, request: Pick<ToolRequest, "name" | "arguments">): Prepared {
  const call = parseToolCall(request.name, request.arguments, toolbox.place);
  const touches = pathsOfCall(call);
  return { call, subject: subjectOf(call, touches), touches };
}

// A link may lead from a trusted path to one that is not: both are decided on, and only the real one is opened.
async function followLinks(toolbox: CallPlace, { call, touches }: Prepared): Promise<Prepared> {
  if (touches.length === 0) return { call, subject: subjectOf(call, touches), touches };
  const real = await resolvePaths(await toolbox.channel(), touches);
  const led = withPaths(call, (path) => real.get(path) ?? path);
  const both = [...new Set([...touches, ...real.values()])];
  return { call: led, subject: subjectOf(led, both), touches: both };
}

function denied(judged: Judged, code: Denial["code"], text: string): Verdict {
  return { ...judged, kind: "denied", outcome: { kind: "denied", code, text } };
}

function policyDenial({ rule, why }: TrustDecision, prepared: Prepared): Verdict {
  const text = `denied by policy: ${why} (${rule}). Do something else, or ask the user to change what is trusted.`;
  return denied({ prepared, rule, by: "policy" }, "policy", text);
}

const denials: Readonly<Record<string, string>> = {
  deadline: "Nobody answered in time, so this was denied.",
  nobody: "It is not trusted, and nobody was to be asked.",
};

interface Decided {
  readonly prepared: Prepared;
  readonly decision: TrustDecision;
}

// The shell opens what a redirection names, and follows links: it is judged by where it leads, too.
async function followTargets(toolbox: CallPlace, guard: ToolGuard, decided: Decided): Promise<Decided> {
  const { subject, touches } = decided.prepared;
  const targets = decided.decision.targets ?? [];
  if (subject.tool !== "shell" || targets.length === 0 || decided.decision.verdict === "deny") return decided;
  const links = await resolvePaths(await toolbox.channel(), targets);
  const led = { ...subject, links };
  const prepared = { ...decided.prepared, subject: led, touches: [...new Set([...touches, ...links.values()])] };
  return { prepared, decision: await guard.decide(led) };
}

/*
 * A path without a link in it is decided on as it was given, and opened without following any: for most calls that is all. Before a
 * person is asked, and where a link was found, the sandbox says where it leads.
 */
async function decide(toolbox: CallPlace, guard: ToolGuard, request: ToolRequest, hasLink: boolean): Promise<Decided> {
  let prepared = hasLink ? await followLinks(toolbox, prepare(toolbox, request)) : prepare(toolbox, request);
  let decision = await guard.decide(prepared.subject);
  if (!hasLink && decision.verdict === "ask") {
    prepared = await followLinks(toolbox, prepared);
    decision = await guard.decide(prepared.subject);
  }
  return await followTargets(toolbox, guard, { prepared, decision });
}

/** Decides on a call, and asks a person where that is needed. `hasLink`: where its paths lead is looked at first. */
export async function judge(
  toolbox: CallPlace,
  guard: ToolGuard,
  request: ToolRequest,
  hasLink: boolean,
): Promise<Verdict> {
  const { prepared, decision } = await decide(toolbox, guard, request, hasLink);
  const { rule, why, tiers, isCounted = false } = decision;
  if (decision.verdict === "allow") {
    // Another caller may have made the last one meanwhile.
    if (isCounted && !(await guard.take())) return await judge(toolbox, guard, request, hasLink);
    return { kind: "run", prepared, rule, by: "trust", isCounted };
  }
  if (decision.verdict === "deny") return policyDenial(decision, prepared);
  // Needed where somebody is asked, and only there.
  const { callRisks } = await import("./call-risk.js");
  const question: ToolQuestion = {
    kind: "tool",
    tool: prepared.call.tool,
    arguments: request.arguments as Readonly<Record<string, unknown>>,
    folder: prepared.call.tool === "shell" ? prepared.call.folder : toolbox.place.workspace,
    touches: prepared.touches,
    risk: callRisks(prepared.call, prepared.subject, decision.targets ?? [], toolbox.place.workspace),
    why,
    tiers: tiers.map(({ label }) => label),
  };
  const answer = await guard.ask(question, decision, request.signal);
  if (answer === null) {
    return denied(
      { prepared, rule, by: "nobody" },
      "pending",
      `not trusted, and nobody is there to ask: ${why} (${rule})`,
    );
  }
  if (answer.verdict === "deny") {
    const reason = answer.reason === null ? "" : ` They say: ${answer.reason}`;
    const who = denials[answer.by] ?? "The user denied this.";
    return denied({ prepared, rule, by: answer.by }, "person", `${who}${reason}`);
  }
  if (answer.edited === null) return { kind: "run", prepared, rule, by: answer.by };
  return judgeEdited(toolbox, guard, { request, edited: answer.edited, by: answer.by });
}

// What a person wrote may run, but for what is denied: a denial has no exception.
async function judgeEdited(
  toolbox: CallPlace,
  guard: ToolGuard,
  { request, edited, by }: { readonly request: ToolRequest; readonly edited: unknown; readonly by: string },
): Promise<Verdict> {
  const written = await followLinks(toolbox, prepare(toolbox, { name: request.name, arguments: edited }));
  const first = { prepared: written, decision: await guard.decide(written.subject) };
  const { prepared, decision } = await followTargets(toolbox, guard, first);
  if (decision.verdict === "deny") return policyDenial(decision, prepared);
  return { kind: "run", prepared, rule: decision.rule, by: `${by}, edited` };
}

// Values of variables may be secrets, and stay out of the journal.
function recordable(call: ToolCall): Readonly<Record<string, unknown>> {
  const { tool: _tool, ...rest } = call;
  return call.tool === "shell" ? { ...rest, env: [...call.env.keys()] } : rest;
}

const digest = (value: unknown): { readonly sha256: string; readonly bytes: number } => {
  const text = JSON.stringify(value);
  return { sha256: createHash("sha256").update(text).digest("hex"), bytes: Buffer.byteLength(text) };
};

const linked = Symbol("a link is in the way");

// A caller names itself: any bytes, any length.
const shellName = (caller: Caller): string => createHash("sha256").update(caller).digest("hex").slice(0, 32);

async function run(toolbox: Toolbox, request: ToolRequest, call: ToolCall): Promise<ToolOutcome | typeof linked> {
  const { signal, onOutput } = request;
  try {
    const channel = await toolbox.channel();
    const place = { channel, queue: toolbox.queue, shell: shellName(request.caller), control: { signal, onOutput } };
    return { kind: "done", result: await runCall(call, place) };
  } catch (error) {
    if (error instanceof ToolRefusal)
      return error.code === "ELOOP" ? linked : { kind: "failed", text: `${error.message} (${error.code})` };
    if (!isAirlockError(error, "E_TOOL_FAILED")) throw error;
    return { kind: "failed", text: error.hint === undefined ? error.message : `${error.message}; ${error.hint}` };
  }
}

const moved: ToolOutcome = {
  kind: "failed",
  text: "the path leads somewhere else than when it was decided on; make the call again",
};

/** Writes down what was decided, before anything runs. */
export async function recordCall(
  guard: ToolGuard,
  request: Pick<ToolRequest, "caller">,
  { verdict, id }: { readonly verdict: Verdict; readonly id: string },
): Promise<void> {
  const { prepared, rule, by } = verdict;
  const decision = verdict.kind === "run" ? "allow" : "deny";
  const data = {
    call: id,
    caller: request.caller,
    tool: prepared.call.tool,
    arguments: recordable(prepared.call),
    decision,
    rule,
    by,
  };
  await guard.record({ kind: "tool.call", data });
}

async function attempt(
  toolbox: Toolbox,
  guard: ToolGuard,
  request: ToolRequest,
  hasLink: boolean,
): Promise<ToolOutcome | typeof linked> {
  const verdict = await judge(toolbox, guard, request, hasLink);
  const id = newToken(6);
  await recordCall(guard, request, { verdict, id });
  if (verdict.kind === "denied") return verdict.outcome;
  const { call } = verdict.prepared;
  const started = performance.now();
  const finish = (outcome: string, data: Readonly<Record<string, unknown>>): Promise<void> => {
    const ms = Math.round((performance.now() - started) * 10) / 10;
    const told = { call: id, tool: call.tool, outcome, ...data, ms };
    return guard.record({ kind: "tool.result", data: told, isOutcome: true });
  };
  let outcome: ToolOutcome | typeof linked;
  try {
    if (request.signal?.aborted === true) throw new AirlockError("E_CANCELLED", "cancelled before it began");
    await guard.protect({ tool: call.tool, id });
    outcome = await run(toolbox, request, call);
  } catch (error) {
    await finish("lost", { error: messageOf(error) });
    throw error;
  }
  if (outcome === linked && verdict.isCounted === true) await guard.giveBack();
  if (outcome === linked) await finish("linked", {});
  else await finish(outcome.kind, digest(outcome.kind === "done" ? outcome.result : outcome));
  return outcome;
}

/**
 * One tool call from beginning to end: understood, decided, written down, run, written down again. What cannot be recorded does not
 * run. Rejects with `E_TOOL_ARGUMENTS` for a call that makes no sense, with `E_TOOL_SERVER` when its server was lost.
 */
export async function callTool(toolbox: Toolbox, guard: ToolGuard, request: ToolRequest): Promise<ToolOutcome> {
  try {
    for (const hasLink of [false, true]) {
      const outcome = await attempt(toolbox, guard, request, hasLink);
      if (outcome !== linked) return outcome;
    }
    return moved;
  } catch (error) {
    // A path that leads nowhere: nothing was decided on, and nothing ran.
    if (error instanceof ToolRefusal) return { kind: "failed", text: `${error.message} (${error.code})` };
    throw error;
  }
}
