import { newToken } from "../base/ids.js";
import type { AskClient, DeskCall } from "../mcp/desk.js";
import type { Question } from "../model/question.js";
import type { SessionRecord } from "../model/session.js";
import type { ToolOutcome } from "../model/tool.js";
import { callTool, type ToolGuard } from "../session/call-tool.js";
import { toolGuard } from "../session/tool-guard.js";
import { Toolbox } from "../session/toolbox.js";
import type { Workbench } from "../session/workbench.js";
import type { CommandContext } from "./context.js";
import { programOf } from "./with-bench.js";

/** The way into the tools of the one session that a server has. */
export interface SessionTools extends AsyncDisposable {
  readonly call: (record: SessionRecord, call: DeskCall) => Promise<ToolOutcome>;
}

const answerMs = 10 * 60_000;
const unending = new AbortController().signal;

// The client's person is asked first; what is not answered there is left to the places that the guard knows.
function withClient(guard: ToolGuard, session: string, { caller, askClient }: DeskCall): ToolGuard {
  const ask = async (client: AskClient, subject: Question["subject"], signal: AbortSignal): ReturnType<AskClient> => {
    const askedAt = Date.now();
    const question = { id: newToken(4), session, caller, askedAt, deadline: askedAt + answerMs, subject };
    return client(question, AbortSignal.any([signal, AbortSignal.timeout(answerMs)]));
  };
  if (askClient === null) return guard;
  return {
    ...guard,
    ask: async (subject, decision, signal) =>
      (await ask(askClient, subject, signal ?? unending)) ?? guard.ask(subject, decision, signal),
  };
}

/** Opens the tools of a session with the first call of one; the connection stays for all that follow. */
export function openTools(context: CommandContext, bench: Workbench): SessionTools {
  let opened: Toolbox | null = null;
  return {
    call: async (record, call) => {
      opened ??= new Toolbox(bench, record, programOf(context));
      const { tool, caller, signal, onOutput } = call;
      const guard = withClient(toolGuard(bench, opened), record.id, call);
      const onPiece = (piece: Buffer): void => onOutput(piece.toString("utf8"));
      return callTool(opened, guard, { name: tool, arguments: call.arguments, caller, signal, onOutput: onPiece });
    },
    [Symbol.asyncDispose]: async () => opened?.[Symbol.asyncDispose](),
  };
}
