import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { AirlockError } from "../../base/errors.js";
import { castEvent, castHeader } from "../../text/asciicast.js";
import { type CastEvent, type CastStart, readCastEvent, readCastHead } from "../../text/read-cast.js";
import type { Workbench } from "../workbench.js";
import { castsFolder } from "./killed-casts.js";

/** A recording, read whole. */
export interface Cast {
  readonly name: string;
  readonly start: CastStart;
  readonly events: readonly CastEvent[];
}

// Recordings end at 64 MiB; nothing that is larger was written by us.
const largestCast = 80 * 1024 * 1024;

/** The numbers of a session's recordings, in their order. */
export async function castNumbers(bench: Workbench, session: string): Promise<number[]> {
  const names = await readdir(castsFolder(bench.home, session)).catch((): string[] => []);
  return names
    .flatMap((name) => /^([1-9]\d{0,8})\.cast$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

async function readWhole(path: string, name: string): Promise<string> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  if (size > largestCast) throw new AirlockError("E_USAGE", `the recording ${name} is too large to be played`);
  return await file.readFile("utf8");
}

/** A recording of a session by its number, else its last one. What is torn at its end is passed over. */
export async function openCast(bench: Workbench, session: string, wanted: number | undefined): Promise<Cast> {
  const numbers = await castNumbers(bench, session);
  const number = wanted ?? numbers.at(-1);
  if (number === undefined || !numbers.includes(number)) {
    const what = number === undefined ? "no recording" : `no recording ${number}`;
    const hint = numbers.length === 0 ? "a run at a terminal is recorded" : `it has: ${numbers.join(", ")}`;
    throw new AirlockError("E_USAGE", `session ${session} has ${what}`, { hint });
  }
  const name = `${number}.cast`;
  const [head = "", ...lines] = (await readWhole(join(castsFolder(bench.home, session), name), name)).split("\n");
  const start = readCastHead(head);
  if (start === null)
    throw new AirlockError("E_USAGE", `the recording ${name} is damaged: its first line cannot be read`);
  return { name, start, events: lines.flatMap((line) => readCastEvent(line) ?? []) };
}

/** The recording as a file of asciicast version 2, line by line. */
export function* castLines({ start, events }: Cast): Generator<string> {
  const { timestamp, ...rest } = start;
  yield castHeader({ ...rest, startedAt: new Date(timestamp * 1_000) });
  for (const { seconds, code, data } of events) yield castEvent(seconds, code, data);
}
