import { open } from "node:fs/promises";
import { join } from "node:path";
import { castSeconds } from "../../text/asciicast.js";
import { type AirlockHome, sessionFolder } from "../home.js";

const tailBytes = 256 * 1024;

/** Where the recordings of a session lie. */
export function castsFolder(home: AirlockHome, session: string): string {
  return join(sessionFolder(home, session), "casts");
}

/** How long a recording lasts that nobody ended, and its size; null: it is not there, or cannot be read. */
export async function measureCast(
  home: AirlockHome,
  session: string,
  cast: string,
): Promise<{ readonly seconds: number; readonly bytes: number } | null> {
  if (!/^\d+\.cast$/.test(cast)) return null;
  try {
    await using file = await open(join(castsFolder(home, session), cast), "r");
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, tailBytes));
    await file.read(tail, 0, tail.length, size - tail.length);
    const seconds = castSeconds(tail.toString("utf8"));
    return seconds === null ? null : { seconds, bytes: size };
  } catch {
    return null;
  }
}
