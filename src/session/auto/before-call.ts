import { AirlockError, isAirlockError, messageOf } from "../../base/errors.js";
import { KeyQueue } from "../../tools/key-queue.js";
import { snapshotIfChanged } from "../snapshot.js";
import type { Workbench } from "../workbench.js";
import { retain } from "./retain.js";

interface Call {
  readonly tool: string;
  readonly id: string;
}

// Agents make many calls at once: here they wait in a row, in the place of asking for the session's lock again and again.
const rows = new WeakMap<Workbench, KeyQueue>();

/** Takes a snapshot before a tool runs, where anything has changed since the last one. Without it the tool does not run. */
export async function snapshotBefore(bench: Workbench, session: string, call: Call): Promise<void> {
  const row = rows.get(bench) ?? new KeyQueue();
  rows.set(bench, row);
  await row.run(session, () => takeBefore(bench, session, call));
}

async function takeBefore(bench: Workbench, session: string, { tool, id }: Call): Promise<void> {
  try {
    const wish = { message: `before ${tool}, call ${id}`, reason: "auto" } as const;
    if ((await snapshotIfChanged(bench, session, wish)) === null) return;
  } catch (error) {
    const code = isAirlockError(error) ? error.code : "E_KEEPER_FAILED";
    throw new AirlockError(code, `it did not run, because no snapshot could be taken before it: ${messageOf(error)}`, {
      hint: `airlock snapshot --auto off ${session} does without`,
      cause: error,
    });
  }
  // The snapshot is there: that older ones could not be removed is no reason to stop the work.
  await retain(bench, session).catch((error: unknown) =>
    bench.recorder(session)({ kind: "snapshot.retention", data: { error: messageOf(error) }, isOutcome: true }),
  );
}
