import { isIPv4, isIPv6 } from "node:net";
import { AirlockError, messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { newToken } from "../../base/ids.js";
import type { Desk } from "../../mcp/desk.js";
import { loadSession } from "../../session/store.js";
import { watchTrust } from "../../session/tools/watch-trust.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { trustEndText } from "../render/trust-account.js";
import { withBench } from "../with-bench.js";
import { makeDesk } from "./mcp-desk.js";
import { type ClientWish, sessionForClient } from "./mcp-session.js";
import { openTools } from "./mcp-tools.js";

interface McpOptions extends ClientWish {
  readonly http?: string;
  readonly allowRemote?: boolean;
  readonly elicitation?: boolean;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

const shortestToken = 32;

function parseAddress(text: string, allowRemote: boolean): Address {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? (match?.[2] === "localhost" ? "127.0.0.1" : match?.[2]) ?? "";
  const port = Number(match?.[3] ?? Number.NaN);
  if (!(isIPv4(host) || isIPv6(host)) || !(port <= 65_535))
    throw new AirlockError("E_USAGE", `--http: "${text}" is not an address and a port`, {
      hint: "--http 127.0.0.1:7777",
    });
  const isLoopback = host === "::1" || host.startsWith("127.");
  if (isLoopback || allowRemote) return { host, port };
  throw new AirlockError("E_USAGE", `--http ${text} could be reached by other machines`, {
    hint: "--http 127.0.0.1:PORT, with ssh -L for another machine; --allow-remote if you mean it",
  });
}

interface Token {
  readonly token: string;
  readonly given: boolean;
}

function tokenOf({ edge }: CommandContext): Token {
  const given = edge.env["AIRLOCK_MCP_TOKEN"];
  if (given === undefined || given === "") return { token: newToken(), given: false };
  if (given.length >= shortestToken && /^[\x21-\x7e]+$/.test(given)) return { token: given, given: true };
  throw new AirlockError("E_USAGE", `AIRLOCK_MCP_TOKEN needs at least ${shortestToken} printable characters`);
}

/** Remembers what worked, and tries again after what did not. */
export function onceItWorks<T>(work: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | null = null;
  return () => {
    if (begun !== null) return begun;
    const now = work();
    begun = now;
    now.catch(() => {
      if (begun === now) begun = null;
    });
    return now;
  };
}

interface Service {
  readonly desk: Desk;
  readonly elicitation: boolean;
}

async function serveOverHttp(
  context: CommandContext,
  { desk, elicitation }: Service,
  address: Address,
  { token, given }: Token,
): Promise<void> {
  const { serveHttp } = await import("../../mcp/http/serve-http.js");
  await serveHttp({
    parts: { desk, version: context.edge.version, elicitation },
    address,
    token,
    signal: context.edge.signal,
    onProblem: (text) => context.debug(escapeText(text)),
    onListening: (url) => {
      context.print(url);
      if (!given) context.print(`Authorization: Bearer ${token}`);
    },
  });
}

async function serveOverStreams(context: CommandContext, { desk, elicitation }: Service): Promise<void> {
  const { edge } = context;
  const { serveStdio } = await import("../../mcp/serve-stdio.js");
  if (edge.stdin.isTTY === true)
    context.note("airlock: this speaks to an agent's client, line by line; airlock mcp install tells one of it");
  await serveStdio({
    parts: { desk, version: edge.version, elicitation },
    input: edge.stdin,
    output: edge.stdout,
    signal: edge.signal,
    onProblem: (text) => context.debug(escapeText(text)),
  });
}

async function serve(context: CommandContext, bench: Workbench, options: McpOptions): Promise<void> {
  const address = options.http === undefined ? null : parseAddress(options.http, options.allowRemote === true);
  const token = tokenOf(context);
  if (address !== null && options.allowRemote === true)
    context.warn("WARNING: whoever reads the network can read the token, and with it run what this session trusts");
  const session = onceItWorks(() => sessionForClient(context, bench, options));
  await using tools = openTools(context, bench);
  const service = {
    desk: makeDesk({ context, session, callTool: tools.call }),
    elicitation: options.elicitation !== false,
  };
  const data = { over: address === null ? "streams" : "http" };
  const watches: AsyncDisposable[] = [];
  // Begun now, so that the first call does not wait for it; a failure is told to each call, and here to a person.
  const begun = session().then(
    async (record) => {
      await bench.recorder(record.id)({ kind: "mcp.open", data });
      watches.push(watchTrust(bench, record, (account) => context.warn(trustEndText(account, record.id))));
      return record.id;
    },
    (error: unknown) => {
      context.warn(escapeText(messageOf(error)));
      return null;
    },
  );
  begun.catch((error: unknown) => context.warn(escapeText(messageOf(error))));
  try {
    if (address === null) await serveOverStreams(context, service);
    else await serveOverHttp(context, service, address, token);
  } finally {
    // A start that nobody waits for would leave half a sandbox behind.
    const id = await begun.catch(() => null);
    for (const watch of watches) await watch[Symbol.asyncDispose]();
    // A session that is gone has said all there is to say.
    const isLive = id !== null && (await loadSession(bench.home, id))?.state !== "discarded";
    if (id !== null && isLive) await bench.recorder(id)({ kind: "mcp.close", data });
  }
}

/** `airlock mcp`: serves one session to agents' clients until they are gone, or a signal ends it. */
export async function serveMcp(context: CommandContext, options: McpOptions): Promise<number> {
  return withBench(context, async (bench) => {
    await serve(context, bench, options);
    return 0;
  });
}
