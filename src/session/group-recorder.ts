import type { KnownValues } from "../base/known-values.js";
import { type JournalPaths, writeEvents } from "../journal/write.js";
import type { JournalEvent, RecordEvent } from "../model/journal.js";

interface Waiting {
  readonly events: readonly JournalEvent[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes to a journal in order; what comes while the disk is busy waits together, and costs it one more wait. */
export function groupRecorder(paths: JournalPaths, known: KnownValues): RecordEvent {
  let waiting: Waiting[] = [];
  let isWriting = false;
  const write = async (): Promise<void> => {
    isWriting = true;
    for (let group = waiting; group.length > 0; group = waiting) {
      waiting = [];
      try {
        await writeEvents(
          paths,
          group.flatMap(({ events }) => events),
          { known },
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    isWriting = false;
  };
  return (...events) =>
    new Promise((resolve, reject) => {
      waiting.push({ events, resolve, reject });
      if (!isWriting) void write();
    });
}
