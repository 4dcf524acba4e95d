import type { Readable, Writable } from "node:stream";
import { messageOf } from "../base/errors.js";
import { LineTransport } from "./line-transport.js";
import { PendingCalls } from "./pending-calls.js";
import * as sdk from "./sdk.js";
import { makeServer, type ServerParts } from "./server.js";

interface StdioService {
  readonly parts: Omit<ServerParts, "era" | "pending">;
  readonly input: Readable;
  readonly output: Writable;
  readonly signal: AbortSignal;
  /** Told of what goes wrong on the connection; nothing of it may go to the output. */
  readonly onProblem: (text: string) => void;
}

/** Serves one client over a pair of streams until it closes its end; calls that it left running are cancelled. */
export async function serveStdio({ parts, input, output, signal, onProblem }: StdioService): Promise<void> {
  const pending = new PendingCalls();
  const transport = new LineTransport(input, output);
  await new Promise<void>((resolve) => {
    const handle = sdk.serveStdio(({ era }) => makeServer({ ...parts, era, pending }), {
      transport,
      onerror: (error) => onProblem(messageOf(error)),
    });
    // The SDK takes the transport's own callback for itself.
    const closed = transport.onclose;
    transport.onclose = () => {
      closed?.();
      resolve();
    };
    signal.addEventListener("abort", () => void handle.close(), { once: true });
    if (signal.aborted) void handle.close();
  });
  pending.cancelAll();
}
