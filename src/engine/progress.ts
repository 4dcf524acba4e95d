import type { Readable } from "node:stream";
import { AirlockError } from "../base/errors.js";
import { type Answer, readAnswer } from "./read-answer.js";

const lineLimit = 1 << 20;

export type Progress = Answer<"progress">;

/** The lines of a build, a pull or an import, parsed as they come. */
export async function* readProgress(output: Readable): AsyncGenerator<Progress> {
  output.setEncoding("utf8");
  let rest = "";
  for await (const chunk of output as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield await parseLine(line);
    if (rest.length > lineLimit) throw new AirlockError("E_ENGINE_ANSWER", "the engine sends a line without an end");
  }
  if (rest.trim() !== "") yield await parseLine(rest);
}

function parseLine(line: string): Promise<Progress> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    parsed = null;
  }
  return readAnswer("progress", parsed, "its progress");
}

/** The error a line reports, if it does. */
export function errorIn(progress: Progress): string | undefined {
  return progress.error ?? progress.errorDetail?.message;
}
