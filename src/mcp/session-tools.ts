import type { CallToolResult, ContentBlock, McpServer, ServerContext } from "@modelcontextprotocol/server";
import type { ClientView } from "./call-sandbox-tool.js";
import type { Desk, DeskAnswer } from "./desk.js";
import { resourceLink } from "./resources.js";
import { dataResult, failureResult } from "./results.js";
import { sessionArguments, sessionResults } from "./schemas.js";
import { sessionToolTexts } from "./tool-list.js";

async function answer(
  work: () => Promise<DeskAnswer>,
  links: (session: string) => readonly ContentBlock[] = () => [],
): Promise<CallToolResult> {
  try {
    const data = await work();
    return dataResult(data, links(String(data["session"])));
  } catch (error) {
    return failureResult(error);
  }
}

/** Registers the tools that work on the session itself. None of them writes to the project. */
export function registerSessionTools(server: McpServer, desk: Desk, view: ClientView): void {
  const parts = <N extends keyof typeof sessionArguments>(name: N) => ({
    ...sessionToolTexts[name],
    inputSchema: sessionArguments[name],
    outputSchema: sessionResults[name],
  });
  server.registerTool("snapshot", parts("snapshot"), ({ message }) => answer(() => desk.snapshot(message)));
  server.registerTool("restore", parts("restore"), ({ snapshot }) => answer(() => desk.restore(snapshot)));
  server.registerTool("diff", parts("diff"), ({ paths }) =>
    answer(
      () => desk.diff(paths),
      (session) => [resourceLink(session, "diff")],
    ),
  );
  server.registerTool("status", parts("status"), () =>
    answer(
      () => desk.status(),
      (session) => [resourceLink(session, "journal")],
    ),
  );
  server.registerTool("request_apply", parts("request_apply"), ({ reason }, context: ServerContext) =>
    answer(
      () => desk.requestApply(reason, view.caller(context)),
      (session) => [resourceLink(session, "diff")],
    ),
  );
}
