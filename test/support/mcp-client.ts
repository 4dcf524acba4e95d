import { Client, type ClientOptions } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { airlockScript, type TestBed } from "./cli.js";

/** A client of the built CLI over its standard streams. */
export async function connectClient(
  bed: TestBed,
  era: "legacy" | "modern",
  {
    args = [],
    options = {},
    prepare,
  }: {
    readonly args?: readonly string[];
    readonly options?: ClientOptions;
    readonly prepare?: (client: Client) => void;
  } = {},
): Promise<Client & AsyncDisposable> {
  const mode = era === "modern" ? ({ pin: "2026-07-28" } as const) : "legacy";
  const client = new Client({ name: "test", version: "1" }, { ...options, versionNegotiation: { mode } });
  prepare?.(client);
  const server = {
    command: airlockScript,
    args: ["mcp", ...args],
    cwd: bed.project,
    env: bed.env(),
    stderr: "ignore" as const,
  };
  await client.connect(new StdioClientTransport(server));
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}
