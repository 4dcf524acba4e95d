import { setTimeout as sleep } from "node:timers/promises";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { EngineCaller } from "./caller.js";
import { engineError } from "./engine-error.js";
import { objectName } from "./object-name.js";
import { readAnswer } from "./read-answer.js";

const registrationTimeoutMs = 5_000;

/**
 * Waits for containers to stop. A wait counts from the moment when the engine has taken it in, so starting a container
 * holds on until then: else a short process is over before anyone waits for it, and the wait never ends.
 */
export class ExitWaiter {
  readonly #caller: EngineCaller;
  readonly #registrations = new Map<string, Promise<void>>();

  constructor(caller: EngineCaller) {
    this.#caller = caller;
  }

  async wait(id: string, signal?: AbortSignal): Promise<{ readonly exitCode: number }> {
    let registered = () => {};
    const registration = new Promise<void>((resolve) => {
      registered = resolve;
    });
    this.#registrations.set(id, registration);
    try {
      const { text } = await this.#caller.transport.collect({
        method: "POST",
        path: `/containers/${objectName(id)}/wait?condition=next-exit`,
        signal,
        onHeaders: registered,
      });
      return await exitIn(text, id);
    } catch (error) {
      throw engineError(error, { endpoint: this.#caller.endpoint, doing: `wait for container ${id}` });
    } finally {
      registered();
      if (this.#registrations.get(id) === registration) this.#registrations.delete(id);
    }
  }

  /** Settles when every wait for the container is known to the engine. */
  async registered(id: string): Promise<void> {
    const registration = this.#registrations.get(id);
    if (registration === undefined) return;
    const timeout = new AbortController();
    try {
      await Promise.race([registration, sleep(registrationTimeoutMs, undefined, { signal: timeout.signal })]);
    } finally {
      timeout.abort();
    }
  }
}

async function exitIn(text: string, id: string): Promise<{ readonly exitCode: number }> {
  const { StatusCode, Error: failure } = await readAnswer("wait", parseBody(text), `the end of container ${id}`);
  if (failure?.Message !== undefined && failure.Message !== "") {
    throw new AirlockError("E_ENGINE_FAILED", `waiting for container ${id} failed: ${escapeText(failure.Message)}`);
  }
  return { exitCode: StatusCode };
}

// A broken connection ends the answer early, after its headers: there is nothing to parse then.
function parseBody(text: string): unknown {
  if (text.trim() === "") throw new AirlockError("E_ENGINE_LOST", "the engine went away while a container ran");
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
