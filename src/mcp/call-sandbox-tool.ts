import { createHash } from "node:crypto";
import type { CallToolResult, InputRequiredResult, ServerContext } from "@modelcontextprotocol/server";
import type { Answer, Question } from "../model/question.js";
import type { ToolName } from "../model/tool.js";
import type { AskClient, Desk } from "./desk.js";
import type { CallStep, PendingCalls } from "./pending-calls.js";
import { CallProgress } from "./progress.js";
import { answerFrom, questionMessage, questionSchema } from "./question-form.js";
import { errorResult, failureResult, outcomeResult } from "./results.js";

/** The client of one connection, or of one request where requests stand alone. */
export interface ClientView {
  /** `modern`: every request stands for itself and questions end it. */
  readonly era: "legacy" | "modern";
  readonly caller: (context: ServerContext) => string;
  /** Whether it can put a question to its person. */
  readonly canAsk: (context: ServerContext) => boolean;
  readonly pending: PendingCalls;
}

const questionKey = "approval";
/** Longer than any question stays open: the deadline of the question decides. */
const askTimeoutMs = 24 * 60 * 60_000;

function fingerprintOf(tool: ToolName, given: unknown): string {
  return createHash("sha256")
    .update(`${tool}\0${JSON.stringify(given)}`)
    .digest("hex");
}

function formOf(question: Question): { message: string; requestedSchema: ReturnType<typeof questionSchema> } {
  return { message: questionMessage(question), requestedSchema: questionSchema(question) };
}

// Before 2026 a server asks in the middle of a request.
function askInPlace(context: ServerContext): AskClient {
  return async (question, signal) => {
    try {
      const request = { method: "elicitation/create", params: formOf(question) } as const;
      return answerFrom(question, await context.mcpReq.send(request, { signal, timeout: askTimeoutMs }));
    } catch {
      // It would not ask, or was told that somebody else has answered.
      return null;
    }
  };
}

async function resumeCall(
  view: ClientView,
  context: ServerContext,
  token: string,
  fingerprint: string,
): Promise<CallStep | null> {
  const { inputResponse } = await import("./sdk.js");
  const question = view.pending.questionOf(token);
  const reply = inputResponse(context.mcpReq.inputResponses, questionKey);
  const answer: Answer | null = question !== null && reply.kind === "elicit" ? answerFrom(question, reply) : null;
  return view.pending.resume(token, fingerprint, answer, context.mcpReq.signal);
}

/** Takes one call of a sandbox tool through the desk, with questions to the client's person on the way. */
export async function callSandboxTool(
  desk: Desk,
  view: ClientView,
  { tool, given, context }: { readonly tool: ToolName; readonly given: unknown; readonly context: ServerContext },
): Promise<CallToolResult | InputRequiredResult> {
  using progress = new CallProgress(context);
  const fingerprint = fingerprintOf(tool, given);
  const token = context.mcpReq.requestState<string>();
  const canAsk = view.canAsk(context);
  try {
    const step =
      typeof token === "string"
        ? await resumeCall(view, context, token, fingerprint)
        : await view.pending.begin(fingerprint, context.mcpReq.signal, (askLater, signal) =>
            desk.callTool({
              tool,
              arguments: (given ?? {}) as Readonly<Record<string, unknown>>,
              caller: view.caller(context),
              signal,
              onOutput: (text) => progress.say(text),
              askClient: canAsk ? (view.era === "modern" ? askLater : askInPlace(context)) : null,
            }),
          );
    if (step === null) return errorResult("The question is not open any more: make the call again.");
    if (step.kind === "end") return outcomeResult(step.outcome);
    const { inputRequired } = await import("./sdk.js");
    const inputRequests = { [questionKey]: inputRequired.elicit(formOf(step.question)) };
    return inputRequired({ inputRequests, requestState: step.token });
  } catch (error) {
    return failureResult(error);
  }
}
