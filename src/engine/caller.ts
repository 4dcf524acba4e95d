import type Docker from "dockerode";
import type { EngineEndpoint } from "../model/engine.js";
import { engineError } from "./engine-error.js";
import { EngineRefusal, type Transport } from "./transport.js";

/** How long an engine may think about an ordinary operation, and about one that moves data. */
export const operationTimeoutMs = 90_000;
export const longOperationTimeoutMs = 30 * 60_000;

interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A connected engine as the operations see it: our transport, and dockerode over it where images are moved. */
export class EngineCaller {
  readonly endpoint: EngineEndpoint;
  /** Loaded when first asked for: that takes 10 ms, and most commands move no image. */
  readonly docker: () => Promise<Docker>;
  readonly transport: Transport;
  readonly product: "docker" | "podman";
  readonly timeoutMs: number;

  constructor(parts: Pick<EngineCaller, "endpoint" | "docker" | "transport" | "product" | "timeoutMs">) {
    this.endpoint = parts.endpoint;
    this.docker = parts.docker;
    this.transport = parts.transport;
    this.product = parts.product;
    this.timeoutMs = parts.timeoutMs;
  }

  /** Makes one call with an end to its waiting; whatever it throws becomes an AirlockError that says what was tried. */
  async call<T>(doing: string, act: (signal: AbortSignal) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const { timeoutMs = this.timeoutMs, signal } = options;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(timeoutReason(timeoutMs)), timeoutMs);
    const both = signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, signal]);
    try {
      return await act(both);
    } catch (error) {
      throw engineError(error, { endpoint: this.endpoint, doing });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Like `call`, with the status codes that are an answer and not a failure. */
  async callUnless<T, R>(
    doing: string,
    act: (signal: AbortSignal) => Promise<T>,
    answers: Readonly<Record<number, R>>,
  ): Promise<T | R> {
    return await this.call(doing, async (signal) => {
      try {
        return await act(signal);
      } catch (error) {
        if (error instanceof EngineRefusal && Object.hasOwn(answers, error.status)) return answers[error.status] as R;
        throw error;
      }
    });
  }
}

function timeoutReason(timeoutMs: number): DOMException {
  return new DOMException(`no answer within ${timeoutMs / 1000} s`, "TimeoutError");
}
