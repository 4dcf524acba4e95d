import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { AirlockError, messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { type Cast, castLines, openCast } from "../../session/recording/open-cast.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { countOf } from "../render/size.js";
import { writeAll } from "../render/write-all.js";
import { chooseSession, withBench } from "../with-bench.js";

interface ReplayOptions extends GlobalOptions {
  readonly cast?: string;
  readonly speed?: string;
  readonly idleLimit?: string;
  readonly export?: string;
}

function numberOf(
  text: string | undefined,
  name: string,
  otherwise: number,
  [least, most]: readonly [number, number],
): number {
  if (text === undefined) return otherwise;
  const number = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new AirlockError("E_USAGE", `${name} is no number from ${least} to ${most}: ${escapeText(text)}`);
}

async function exportCast(context: CommandContext, cast: Cast, target: string): Promise<void> {
  const { edge } = context;
  if (target === "-") {
    await writeAll(edge.stdout, castLines(cast), edge.signal);
    return;
  }
  try {
    // Never over a file that is there, never through a link.
    await using file = await open(resolve(edge.cwd, target), "wx", 0o600);
    await file.writeFile([...castLines(cast)].join(""));
  } catch (error) {
    throw new AirlockError("E_USAGE", `cannot write ${escapeText(target)}: ${messageOf(error)}`, { cause: error });
  }
  const marks = cast.events.filter(({ code }) => code === "m").length;
  context.note(`wrote ${countOf(cast.events.length, "event")}, ${countOf(marks, "mark")} of them`);
}

async function replay(context: CommandContext, id: string | undefined, options: ReplayOptions): Promise<number> {
  const speed = numberOf(options.speed, "--speed", 1, [0.1, 100]);
  const idleLimit = numberOf(options.idleLimit, "--idle-limit", Number.POSITIVE_INFINITY, [0.1, 86_400]);
  const wanted = options.cast === undefined ? undefined : numberOf(options.cast, "--cast", 1, [1, 999_999]);
  const { stdin, stdout, env } = context.edge;
  const hasScreen = stdin.isTTY === true && stdout.isTTY === true && env["TERM"] !== "dumb";
  if (options.export === undefined && !hasScreen) {
    throw new AirlockError("E_USAGE", "a replay needs a terminal that can be drawn on", {
      hint: "airlock replay --export FILE gives the recording, airlock log what happened",
    });
  }
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id, { includeDiscarded: true });
    const cast = await openCast(bench, record.id, wanted);
    if (options.export !== undefined) await exportCast(context, cast, options.export);
    else {
      const { replayOnScreen } = await import("../replay/replay-screen.js");
      await replayOnScreen(context, cast, { speed, idleLimit });
    }
    return 0;
  });
}

/** `airlock replay`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project, discarded ones included")
    .option("--cast <number>", "which of its recordings; by default the last")
    .option("--speed <factor>", "how fast it begins")
    .option("--idle-limit <seconds>", "how long a pause lasts at most")
    .option("--export <file>", "write the recording with its marks (asciicast version 2) instead; - is standard output")
    .addHelpText(
      "after",
      "\nSpace pauses, + and - change the speed, n and p go to tool calls and decisions, / searches.\n\nExit status: 0 · 2 no terminal, no such recording · 10 no such session",
    )
    .action(act(replay));
}
