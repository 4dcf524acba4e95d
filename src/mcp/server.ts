import type { McpServer, ServerContext } from "@modelcontextprotocol/server";
import { escapeText } from "../base/escape.js";
import { toolNames } from "../model/tool.js";
import { type ClientView, callSandboxTool } from "./call-sandbox-tool.js";
import type { Desk } from "./desk.js";
import type { PendingCalls } from "./pending-calls.js";
import { registerResources } from "./resources.js";
import { argumentSchemas, resultSchema, toldSchema } from "./schemas.js";
import * as sdk from "./sdk.js";
import { registerSessionTools } from "./session-tools.js";
import { instructions, sandboxToolTexts } from "./tool-list.js";

/** What a server is made of. */
export interface ServerParts {
  readonly desk: Desk;
  readonly version: string;
  readonly era: "legacy" | "modern";
  readonly pending: PendingCalls;
  /** False: approvals are asked for in other places only. */
  readonly elicitation: boolean;
}

const versionKey = "io.modelcontextprotocol/clientInfo";
const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities";
const longestName = 60;

interface Envelope {
  readonly [versionKey]?: { readonly name?: unknown };
  readonly [capabilitiesKey]?: { readonly elicitation?: { readonly url?: unknown; readonly form?: unknown } };
}

function viewOf(server: McpServer, { era, pending, elicitation }: ServerParts): ClientView {
  const envelope = (context: ServerContext): Envelope => (context.mcpReq.envelope ?? {}) as Envelope;
  return {
    era,
    pending,
    caller: (context) => {
      const name = envelope(context)[versionKey]?.name ?? server.server.getClientVersion()?.name;
      return `mcp:${typeof name === "string" ? escapeText(name).slice(0, longestName) : "?"}`;
    },
    canAsk: (context) => {
      const declared =
        era === "modern"
          ? envelope(context)[capabilitiesKey]?.elicitation
          : server.server.getClientCapabilities()?.elicitation;
      if (!elicitation || declared === undefined) return false;
      // An empty object is the form of 2025-06-18, which knew forms only.
      return declared.form !== undefined || declared.url === undefined;
    },
  };
}

/** Makes the server of one connection (or of one request, where requests stand alone): its tools, its resources, nothing of a session. */
export function makeServer(parts: ServerParts): McpServer {
  const { desk, version } = parts;
  const server = new sdk.McpServer(
    { name: "airlock", title: "Airlock", version },
    { capabilities: { tools: { listChanged: false }, resources: { listChanged: false } }, instructions },
  );
  const view = viewOf(server, parts);
  for (const tool of toolNames) {
    const { title, description, annotations } = sandboxToolTexts[tool];
    const inputSchema = toldSchema<unknown>(argumentSchemas[tool]);
    server.registerTool(
      tool,
      { title, description, annotations, inputSchema, outputSchema: resultSchema },
      (given, context) => callSandboxTool(desk, view, { tool, given, context }),
    );
  }
  registerSessionTools(server, desk, view);
  registerResources(server, desk);
  return server;
}
