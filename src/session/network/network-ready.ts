import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { AirlockError } from "../../base/errors.js";
import type { SessionRecord } from "../../model/session.js";
import { type AirlockHome, sessionFolder } from "../home.js";
import type { Workbench } from "../workbench.js";
import { hasWire } from "./hatch.js";

const waitMs = 30_000;
const pollMs = 10;

const readyPath = (home: AirlockHome, id: string): string => join(sessionFolder(home, id), "wire");

/** The supervisor's word that the network of this very sandbox is connected, or why it is not. */
export async function reportNetwork(bench: Workbench, record: SessionRecord, problem: string): Promise<void> {
  await writeFileAtomic(readyPath(bench.home, record.id), `${record.container} ${problem}\n`);
}

/** Waits for that word, so that the first command finds the network there. */
export async function awaitNetwork(bench: Workbench, record: SessionRecord): Promise<void> {
  if (!hasWire(record)) return;
  const deadline = Date.now() + waitMs;
  const start = `${record.container} `;
  for (;;) {
    const text = await readFile(readyPath(bench.home, record.id), "utf8").catch(() => "");
    if (text === `${start}\n`) return;
    if (text.startsWith(start)) throw new AirlockError("E_WIRE_BROKEN", text.slice(start.length).trim());
    if (Date.now() > deadline) {
      throw new AirlockError("E_WIRE_BROKEN", `the network of session ${record.id} was not connected in time`, {
        hint: `the session runs without a network; airlock log ${record.id} may say why`,
      });
    }
    await sleep(pollMs, undefined, { signal: bench.signal });
  }
}
