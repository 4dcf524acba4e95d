import { createHash } from "node:crypto";
import { AirlockError, isAirlockError, messageOf } from "../base/errors.js";
import { newToken } from "../base/ids.js";
import type { RecordEvent } from "../model/journal.js";
import type { Answer, QuestionSubject } from "../model/question.js";
import type { Caller, ToolOutcome, TrustSubject } from "../model/tool.js";
import type { TrustDecision } from "../model/trust.js";
import { parseToolCall } from "../tools/parse-call.js";
import { resolvePaths } from "../tools/primitives.js";
import { runCall } from "../tools/run-call.js";
import { pathsOfCall, type ToolCall, withPaths } from "../tools/tool-call.js";
import { ToolRefusal } from "../tools/tool-channel.js";
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
  /** Asks a person; null: there is nobody to ask. */
  ask(question: ToolQuestion, decision: TrustDecision, signal: AbortSignal | undefined): Promise<Answer | null>;
  record: RecordEvent;
}

/** A call in its normal form, with its paths as they were given and as they are. */
interface Prepared {
  readonly call: ToolCall;
  readonly subject: TrustSubject;
  readonly touches: readonly string[];
}

type Verdict =
  | { readonly kind: "run"; readonly prepared: Prepared; readonly rule: string; readonly by: string }
  | {
      readonly kind: "denied";
      readonly outcome: ToolOutcome & { readonly kind: "denied" };
      readonly rule: string;
      readonly by: string;
    };

function subjectOf(call: ToolCall, paths: readonly string[]): TrustSubject {
  if (call.tool === "shell") return { tool: "shell", command: call.command, folder: call.folder };
  if (call.tool === "aws") {
    return { tool: "aws", service: call.service, operation: call.operation, region: call.region };
  }
  return { tool: call.tool, paths };
}

// A link may lead from a trusted path to one that is not: both are decided on, and only the real one is opened.
async function prepare(toolbox: Toolbox, request: Pick<ToolRequest, "name" | "arguments">): Promise<Prepared> {
  const given = parseToolCall(request.name, request.arguments, toolbox.place);
  const named = pathsOfCall(given);
  const real = named.length === 0 ? new Map<string, string>() : await resolvePaths(await toolbox.channel(), named);
  const call = withPaths(given, (path) => real.get(path) ?? path);
  const touches = [...new Set([...named, ...real.values()])];
  return { call, subject: subjectOf(call, touches), touches };
}

const denied = (code: "policy" | "person" | "pending", text: string): Verdict & { kind: "denied" } => ({
  kind: "denied",
  outcome: { kind: "denied", code, text },
  rule: "",
  by: code,
});

function policyDenial(decision: TrustDecision): Verdict {
  const text = `denied by policy: ${decision.why} (${decision.rule}). Do something else, or ask the user to change what is trusted.`;
  return { ...denied("policy", text), rule: decision.rule };
}

async function judge(toolbox: Toolbox, guard: ToolGuard, request: ToolRequest, prepared: Prepared): Promise<Verdict> {
  const decision = await guard.decide(prepared.subject);
  const { rule, why, tiers } = decision;
  if (decision.verdict === "allow") return { kind: "run", prepared, rule, by: "trust" };
  if (decision.verdict === "deny") return policyDenial(decision);
  const question: ToolQuestion = {
    kind: "tool",
    tool: prepared.call.tool,
    arguments: request.arguments as Readonly<Record<string, unknown>>,
    folder: prepared.call.tool === "shell" ? prepared.call.folder : toolbox.place.workspace,
    touches: prepared.touches,
    risk: [],
    why,
    tiers: tiers.map(({ label }) => label),
  };
  const answer = await guard.ask(question, decision, request.signal);
  if (answer === null) {
    return { ...denied("pending", `not trusted, and there is nobody to ask: ${why} (${rule})`), rule };
  }
  if (answer.verdict === "deny") {
    const reason = answer.reason === null ? "" : ` They say: ${answer.reason}`;
    const who = answer.by === "deadline" ? "Nobody answered in time, so this was denied." : "The user denied this.";
    return { ...denied("person", `${who}${reason}`), rule, by: answer.by };
  }
  if (answer.edited === null) return { kind: "run", prepared, rule, by: answer.by };
  return judgeEdited(toolbox, guard, { request, edited: answer.edited, by: answer.by });
}

// What a person wrote may run, but for what is denied: a denial has no exception.
async function judgeEdited(
  toolbox: Toolbox,
  guard: ToolGuard,
  { request, edited, by }: { readonly request: ToolRequest; readonly edited: unknown; readonly by: string },
): Promise<Verdict> {
  const prepared = await prepare(toolbox, { name: request.name, arguments: edited });
  const decision = await guard.decide(prepared.subject);
  if (decision.verdict === "deny") return policyDenial(decision);
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

function failureText(error: ToolRefusal): string {
  if (error.code === "ELOOP") return "the path leads somewhere else than when it was decided on; make the call again";
  return `${error.message} (${error.code})`;
}

async function run(toolbox: Toolbox, request: ToolRequest, call: ToolCall): Promise<ToolOutcome> {
  const { signal, onOutput } = request;
  try {
    const channel = await toolbox.channel();
    const place = { channel, queue: toolbox.queue, shell: shellName(request.caller), control: { signal, onOutput } };
    return { kind: "done", result: await runCall(call, place) };
  } catch (error) {
    if (error instanceof ToolRefusal) return { kind: "failed", text: failureText(error) };
    if (!isAirlockError(error, "E_TOOL_FAILED")) throw error;
    return { kind: "failed", text: error.hint === undefined ? error.message : `${error.message}; ${error.hint}` };
  }
}

// A caller names itself: any bytes, any length.
const shellName = (caller: Caller): string => createHash("sha256").update(caller).digest("hex").slice(0, 32);

/**
 * One tool call from beginning to end: understood, decided, written down, run, written down again. What cannot be recorded does not
 * run. Rejects with `E_TOOL_ARGUMENTS` for a call that makes no sense, with `E_TOOL_SERVER` when its server was lost.
 */
export async function callTool(toolbox: Toolbox, guard: ToolGuard, request: ToolRequest): Promise<ToolOutcome> {
  const prepared = await prepare(toolbox, request);
  const verdict = await judge(toolbox, guard, request, prepared);
  const id = newToken(6);
  const { call } = verdict.kind === "run" ? verdict.prepared : prepared;
  const { tool } = call;
  await guard.record({
    kind: "tool.call",
    data: {
      call: id,
      caller: request.caller,
      tool,
      arguments: recordable(call),
      decision: verdict.kind === "run" ? "allow" : "deny",
      rule: verdict.rule,
      by: verdict.by,
    },
  });
  if (verdict.kind === "denied") return verdict.outcome;
  if (request.signal?.aborted === true) throw new AirlockError("E_CANCELLED", "cancelled before it began");
  const started = performance.now();
  const finish = (outcome: string, data: Readonly<Record<string, unknown>>): Promise<void> => {
    const ms = Math.round((performance.now() - started) * 10) / 10;
    return guard.record({ kind: "tool.result", data: { call: id, tool, outcome, ...data, ms } });
  };
  try {
    const outcome = await run(toolbox, request, call);
    await finish(outcome.kind, digest(outcome.kind === "done" ? outcome.result : outcome));
    return outcome;
  } catch (error) {
    if (!isAirlockError(error, "E_JOURNAL_WRITE")) await finish("lost", { error: messageOf(error) });
    throw error;
  }
}
