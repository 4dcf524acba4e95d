import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Terminal } from "../../model/terminal.js";

const settleMs = 150;

// What was typed, or made to look typed, before the question stood there is no answer to it.
async function dropTypeAhead({ stdin }: Terminal): Promise<void> {
  const drop = (): void => undefined;
  stdin.on("data", drop);
  await sleep(settleMs);
  stdin.off("data", drop);
  stdin.pause();
}

async function askLine(terminal: Terminal, question: string, signal?: AbortSignal): Promise<string | null> {
  const lines = createInterface({
    input: terminal.stdin,
    output: terminal.stderr,
    terminal: terminal.stdin.isTTY === true,
  });
  try {
    return await Promise.race([
      lines.question(question, signal === undefined ? {} : { signal }),
      new Promise<null>((resolve) => lines.once("close", () => resolve(null))),
    ]);
  } finally {
    lines.close();
  }
}

/** Asks for a line of text; "" at Enter and at end of input. */
export async function askText(terminal: Terminal, question: string, signal?: AbortSignal): Promise<string> {
  await dropTypeAhead(terminal);
  return ((await askLine(terminal, question, signal)) ?? "").trim();
}

/** Asks a person on stderr and resolves to one of `keys`, by a beginning that fits no other; the first is what Enter means; null at end of input. */
export async function choose(
  terminal: Terminal,
  question: string,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<string | null> {
  await dropTypeAhead(terminal);
  for (;;) {
    const answer = await askLine(terminal, question, signal);
    if (answer === null) return null;
    const word = answer.trim().toLowerCase();
    if (word === "") return keys[0] ?? null;
    const found = keys.filter((key) => key.startsWith(word));
    if (found.length === 1 && found[0] !== undefined) return found[0];
  }
}

/** A question with yes or no; Enter and end of input mean no. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  return (await choose(terminal, `${question} [y/N] `, ["no", "yes"])) === "yes";
}
