import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";
import type { Recorded, Recording } from "./record-terminal.js";

/** Records a terminal, unless the session is not to be recorded. What records is loaded only then. */
export async function recordIfWanted(
  bench: Workbench,
  record: SessionRecord,
  recorded: Recorded,
): Promise<Recording | null> {
  if (record.isRecorded === false) return null;
  const { recordTerminal } = await import("./record-terminal.js");
  return await recordTerminal(bench, record, recorded);
}
