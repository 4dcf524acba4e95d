import { newToken } from "../base/ids.js";
import type { Answer, Question } from "../model/question.js";
import type { ToolOutcome } from "../model/tool.js";
import type { AskClient } from "./desk.js";

/** Where a call stands when its client is answered: at its end, or at a question that the client is to ask. */
export type CallStep =
  | { readonly kind: "end"; readonly outcome: ToolOutcome }
  | { readonly kind: "question"; readonly token: string; readonly question: Question };

interface OpenQuestion {
  readonly question: Question;
  readonly answer: (answer: Answer | null) => void;
}

const mostWaiting = 256;
/** A client that never comes back leaves an outcome behind; this long it can still be had. */
const keptMs = 10 * 60_000;

/**
 * A call that goes on while its client asks its person.
 *
 * In the protocol of 2026 a server asks by ending the request; the client repeats it with the answer. The call itself is not repeated: it
 * waits here under a token that cannot be guessed, with the arguments that the person was shown, and what the second request says about
 * them is only compared.
 */
class PendingCall {
  readonly token = newToken();
  readonly fingerprint: string;
  readonly #cancel = new AbortController();
  #open: OpenQuestion | null = null;
  #wake: () => void = () => undefined;
  #outcome: Promise<ToolOutcome> | null = null;

  constructor(fingerprint: string) {
    this.fingerprint = fingerprint;
  }

  get signal(): AbortSignal {
    return this.#cancel.signal;
  }

  begin(outcome: Promise<ToolOutcome>): void {
    this.#outcome = outcome;
    outcome.catch(() => undefined);
  }

  cancel(): void {
    this.#cancel.abort();
    this.answer(null);
  }

  readonly ask: AskClient = (question, signal) =>
    new Promise((resolve) => {
      const answer = (given: Answer | null): void => {
        signal.removeEventListener("abort", withdraw);
        if (this.#open?.answer === answer) this.#open = null;
        resolve(given);
      };
      const withdraw = (): void => answer(null);
      if (signal.aborted || this.#open !== null) {
        resolve(null);
        return;
      }
      signal.addEventListener("abort", withdraw, { once: true });
      this.#open = { question, answer };
      this.#wake();
    });

  get question(): Question | null {
    return this.#open?.question ?? null;
  }

  answer(given: Answer | null): void {
    this.#open?.answer(given);
  }

  async step(): Promise<CallStep> {
    const asked = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#open === null) await Promise.race([asked, this.#outcome?.catch(() => undefined)]);
    if (this.#open !== null) return { kind: "question", token: this.token, question: this.#open.question };
    if (this.#outcome === null) throw new Error("a call that never began");
    return { kind: "end", outcome: await this.#outcome };
  }
}

/** The calls whose clients were sent away to ask. */
export class PendingCalls {
  readonly #waiting = new Map<string, PendingCall>();

  /** Begins a call and goes on until it ends or has a question for the client. */
  async begin(
    fingerprint: string,
    signal: AbortSignal,
    run: (askClient: AskClient, signal: AbortSignal) => Promise<ToolOutcome>,
  ): Promise<CallStep> {
    const call = new PendingCall(fingerprint);
    call.begin(run(call.ask, call.signal));
    return this.#next(call, signal);
  }

  /** The question that a token stands for; null when it is answered, too old or made up. */
  questionOf(token: string): Question | null {
    return this.#waiting.get(token)?.question ?? null;
  }

  /** Goes on with a call after its client has asked; null when there is no such call, or it was one with other arguments. */
  async resume(
    token: string,
    fingerprint: string,
    answer: Answer | null,
    signal: AbortSignal,
  ): Promise<CallStep | null> {
    const call = this.#waiting.get(token);
    if (call === undefined || call.fingerprint !== fingerprint) return null;
    this.#waiting.delete(token);
    call.answer(answer);
    return this.#next(call, signal);
  }

  /** Ends all of them: their client is gone. */
  cancelAll(): void {
    for (const call of this.#waiting.values()) call.cancel();
    this.#waiting.clear();
  }

  async #next(call: PendingCall, signal: AbortSignal): Promise<CallStep> {
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      const step = await call.step();
      if (step.kind === "question") this.#keep(call);
      return step;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  #keep(call: PendingCall): void {
    this.#waiting.set(call.token, call);
    const [oldest] = this.#waiting.values();
    if (this.#waiting.size > mostWaiting && oldest !== undefined) this.#drop(oldest);
    setTimeout(() => this.#drop(call), keptMs).unref();
  }

  #drop(call: PendingCall): void {
    if (this.#waiting.get(call.token) !== call) return;
    this.#waiting.delete(call.token);
    call.cancel();
  }
}
