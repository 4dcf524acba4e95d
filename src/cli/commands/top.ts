import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { findProject } from "../../session/project.js";
import { Observer } from "../../session/top/observe.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatTable } from "../render/table.js";
import { topTable } from "../top/top-state.js";
import { reportAbandoned, withBench } from "../with-bench.js";

interface TopOptions extends GlobalOptions {
  readonly once?: boolean;
}

// Between two looks, so that there is a use of CPUs to tell.
const betweenMs = 500;

async function top(context: CommandContext, options: TopOptions): Promise<number> {
  const { stdin, stdout, env, cwd, signal } = context.edge;
  const once = options.once === true || options.json === true;
  if (!once && !(stdin.isTTY === true && stdout.isTTY === true && env["TERM"] !== "dumb")) {
    throw new AirlockError("E_USAGE", "a live view needs a terminal that can be drawn on", {
      hint: "airlock top --once",
    });
  }
  // Progress has no place on a screen that is drawn.
  const quiet = once ? context : { ...context, options: { ...context.options, quiet: true } };
  return withBench(quiet, async (bench) => {
    if (once) await reportAbandoned(context, bench);
    const project = options.project === undefined ? undefined : await findProject(cwd, options.project);
    using observer = new Observer(bench);
    if (!once) {
      const { topOnScreen } = await import("../top/top-screen.js");
      await topOnScreen(context, bench, observer, project);
      return 0;
    }
    await observer.look(project);
    await sleep(betweenMs, undefined, { signal });
    const sessions = await observer.look(project);
    if (options.json === true) context.printJson(sessions);
    else if (sessions.length === 0) context.note("nothing runs");
    else context.print(formatTable(topTable(sessions, Date.now())));
    return 0;
  });
}

/** `airlock top`. */
export function define(command: Command, act: Act): void {
  command
    .option("--once", "print it once")
    .addHelpText(
      "after",
      "\nWhat runs, of every project; --project narrows it. Keys: y answers what waits, s takes a snapshot, r takes trust back, x stops.\nCPU is of one CPU; WAITS are questions; TRUST tells how long everything is trusted.\n\nExit status: 0 · 2 no terminal · 12 engine",
    )
    .action(act(top));
}
