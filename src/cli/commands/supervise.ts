import type { Command } from "commander";
import { superviseSession } from "../../session/supervise.js";
import type { Act } from "../command.js";
import type { CommandContext } from "../context.js";
import { withBench } from "../with-bench.js";

/** `airlock supervise`: what `start` leaves running in the background; not for people. */
export function define(command: Command, act: Act): void {
  command.argument("<id>", "the session").action(
    act(async (context: CommandContext, id: string) => {
      await withBench(context, (bench) => superviseSession(bench, id));
      return 0;
    }),
  );
}
