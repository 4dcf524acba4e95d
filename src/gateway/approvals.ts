import { createHash } from "node:crypto";

/** What a person said about one call. */
export interface Approval {
  readonly verdict: "allow" | "deny";
  /** The same operation may go on without asking. */
  readonly forSession: boolean;
  readonly reason: string | null;
  readonly by: string;
}

/** `pending`: nobody has answered yet, and the question stays; `gone`: the client left; `full`: too many questions wait. */
export type Waited = Approval | "pending" | "gone" | "full";

interface Asked {
  answer: Approval | null;
  readonly answered: Promise<void>;
  until: number;
}

/** Clients give up at 30 s or 60 s and send their call again, so a call waits less. */
const waitMs = 20_000;
/** How long an answer holds for a call that has to be made again. */
const keepMs = 5 * 60_000;
const maxAsked = 100;

/** Everything that makes two calls the same call: what is approved is that and nothing else. */
export function callKey(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest("hex");
}

// For the answer, for as long as the client can wait, and as long as it is there.
async function waitFor(answered: Promise<void>, left: AbortSignal): Promise<void> {
  let done = (): void => undefined;
  const enough = new Promise<void>((resolve) => {
    done = resolve;
  });
  const timer = setTimeout(done, waitMs);
  left.addEventListener("abort", done, { once: true });
  if (!left.aborted) await Promise.race([answered, enough]);
  clearTimeout(timer);
  left.removeEventListener("abort", done);
}

/**
 * Questions about calls. The same call made again while its question waits joins it instead of asking once more; an answer serves one
 * call, that of somebody who is still there, and is used up by it.
 */
export class Approvals {
  readonly #asked = new Map<string, Asked>();

  /** Asks, or joins who asked before. `ask` lives on when this call gives up: its answer is for the next try. */
  async wait(key: string, ask: () => Promise<Approval>, left: AbortSignal): Promise<Waited> {
    this.#forget(Date.now());
    const asked = this.#asked.get(key) ?? this.#begin(key, ask);
    if (asked === null) return "full";
    await waitFor(asked.answered, left);
    if (left.aborted) return "gone";
    const { answer } = asked;
    if (answer === null) return "pending";
    // Of several that waited one has it; the others ask again.
    const isMine = this.#asked.get(key) === asked;
    if (isMine) this.#asked.delete(key);
    const isUsedUp = answer.verdict === "allow" && !answer.forSession && !isMine;
    return isUsedUp ? await this.wait(key, ask, left) : answer;
  }

  #begin(key: string, ask: () => Promise<Approval>): Asked | null {
    if (this.#asked.size >= maxAsked) return null;
    const asked: Asked = {
      answer: null,
      until: Number.POSITIVE_INFINITY,
      answered: ask()
        .catch((): Approval => ({ verdict: "deny", forSession: false, reason: null, by: "nobody" }))
        .then((answer) => {
          asked.answer = answer;
          asked.until = Date.now() + keepMs;
        }),
    };
    this.#asked.set(key, asked);
    return asked;
  }

  #forget(now: number): void {
    for (const [key, { until }] of this.#asked) if (until <= now) this.#asked.delete(key);
  }
}
