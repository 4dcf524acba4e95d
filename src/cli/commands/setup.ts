import type { Command } from "commander";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { withBench } from "../with-bench.js";
import { buildImage } from "./image.js";

async function setup(context: CommandContext, _options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const { endpoint } = await bench.foundEngine();
    context.note(`engine: ${endpoint.address} (${endpoint.source})`);
    const { tag, built } = await buildImage(context, bench, { missing: true });
    context.note(`image: ${tag}${built ? "" : " (there already)"}`);
    await bench.keeper();
    context.print("ready: airlock run -- COMMAND");
    return 0;
  });
}

/** `airlock setup`. */
export function define(command: Command, act: Act): void {
  command
    .addHelpText(
      "after",
      "\nFinds the container engine (or starts Airlock's own dockerd where there is the program but no engine) and builds the sandbox image when it is missing. Safe to repeat.\n\nExit status: 0 · 12 no engine, or the image cannot be built",
    )
    .action(act(setup));
}
