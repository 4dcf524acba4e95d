import type { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import { newToken } from "../../base/ids.js";
import { PendingCalls } from "../pending-calls.js";
import * as sdk from "../sdk.js";
import { makeServer, type ServerParts } from "../server.js";
import type { Exchange } from "./exchange.js";

interface LegacySession {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly close: () => Promise<void>;
  lastUsed: number;
}

const mostSessions = 64;
const idleMs = 30 * 60_000;

function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32001, message } }, { status });
}

const isInitialize = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "method" in body && body.method === "initialize";

function requestIds(body: unknown): (string | number)[] {
  return (Array.isArray(body) ? body : [body]).flatMap((each: unknown) =>
    typeof each === "object" && each !== null && "method" in each && "id" in each ? [each.id as string | number] : [],
  );
}

/**
 * Clients of before 2026 over HTTP, each with a session of the protocol's: without one they could be asked nothing and cancel nothing. The
 * longest unused goes when there are too many.
 */
export class LegacySessions implements AsyncDisposable {
  readonly #parts: Omit<ServerParts, "era" | "pending">;
  readonly #sessions = new Map<string, LegacySession>();

  constructor(parts: Omit<ServerParts, "era" | "pending">) {
    this.#parts = parts;
  }

  /** Answers one request of such a client. */
  async handle({ request, body }: Exchange): Promise<Response> {
    await this.#closeIdle();
    const id = request.headers.get("mcp-session-id");
    const session = id === null ? (isInitialize(body) ? await this.#open() : undefined) : this.#sessions.get(id);
    if (session === undefined && id === null) return refuse(400, "the header Mcp-Session-Id is missing");
    if (session === undefined) return refuse(404, "Session not found");
    session.lastUsed = Date.now();
    // An answer that cannot be delivered is not worth working for: nothing keeps it until the client comes back.
    for (const requestId of requestIds(body)) {
      const params = { requestId, reason: "the client closed the connection" };
      const cancel = (): void =>
        session.transport.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params });
      request.signal.addEventListener("abort", cancel, { once: true });
    }
    return session.transport.handleRequest(request, body === undefined ? {} : { parsedBody: body });
  }

  async #open(): Promise<LegacySession> {
    const pending = new PendingCalls();
    const server = makeServer({ ...this.#parts, era: "legacy", pending });
    const transport = new sdk.WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => newToken(),
      onsessioninitialized: (id) => void this.#sessions.set(id, session),
      onsessionclosed: (id) => this.#close(id),
    });
    const close = async (): Promise<void> => {
      pending.cancelAll();
      await server.close();
    };
    const session: LegacySession = { transport, close, lastUsed: Date.now() };
    await server.connect(transport);
    return session;
  }

  async #close(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    await session?.close();
  }

  async #closeIdle(): Promise<void> {
    const byUse = [...this.#sessions].sort(([, one], [, other]) => other.lastUsed - one.lastUsed);
    const now = Date.now();
    for (const [index, [id, { lastUsed }]] of byUse.entries())
      if (index >= mostSessions - 1 || now - lastUsed > idleMs) await this.#close(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#sessions.keys()]) await this.#close(id);
  }
}
