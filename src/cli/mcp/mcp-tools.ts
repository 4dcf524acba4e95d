import type { DeskCall } from "../../mcp/desk.js";
import type { SessionRecord } from "../../model/session.js";
import type { ToolOutcome } from "../../model/tool.js";
import { callTool } from "../../session/tools/call-tool.js";
import { toolGuard } from "../../session/tools/tool-guard.js";
import { Toolbox } from "../../session/tools/toolbox.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { programOf } from "../with-bench.js";

/** The way into the tools of the one session that a server has. */
export interface SessionTools extends AsyncDisposable {
  readonly call: (record: SessionRecord, call: DeskCall) => Promise<ToolOutcome>;
}

/** Opens the tools of a session with the first call of one; the connection stays for all that follow. */
export function openTools(context: CommandContext, bench: Workbench): SessionTools {
  let opened: Toolbox | null = null;
  return {
    call: async (record, call) => {
      opened ??= new Toolbox(bench, record, programOf(context));
      const { tool, caller, signal, onOutput } = call;
      // The client's person is asked, and where people look for questions; who answers first has answered.
      const asker = call.askClient === null ? null : { ask: call.askClient, takesBack: true };
      const guard = toolGuard(bench, opened, { caller, asker });
      const onPiece = (piece: Buffer): void => onOutput(piece.toString("utf8"));
      return callTool(opened, guard, { name: tool, arguments: call.arguments, caller, signal, onOutput: onPiece });
    },
    [Symbol.asyncDispose]: async () => opened?.[Symbol.asyncDispose](),
  };
}
