import type { ServerContext } from "@modelcontextprotocol/server";
import { escapeText } from "../base/escape.js";

const everyMs = 200;
const longestMessage = 200;

/** Tells the client how a call goes on, when it asked to be told: the last line printed, at most five times a second. */
export class CallProgress implements Disposable {
  readonly #context: ServerContext;
  readonly #token: string | number | undefined;
  #steps = 0;
  #last: string | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(context: ServerContext) {
    this.#context = context;
    this.#token = context.mcpReq._meta?.progressToken;
  }

  /** Shows the last line of what was printed, when the time for it has come. */
  say(text: string): void {
    if (this.#token === undefined) return;
    const line = text.trimEnd().split("\n").at(-1) ?? "";
    this.#last = escapeText(line).slice(0, longestMessage);
    this.#timer ??= setTimeout(() => this.#send(), everyMs);
  }

  #send(): void {
    this.#timer = null;
    if (this.#last === null || this.#token === undefined) return;
    this.#steps += 1;
    const params = { progressToken: this.#token, progress: this.#steps, message: this.#last };
    this.#last = null;
    // A client that is gone ends the call by other means.
    this.#context.mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#last = null;
  }
}
