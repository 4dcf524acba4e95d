import type { Command } from "commander";
import { messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { diskUse } from "../../session/disk-usage.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatSize } from "../render/size.js";
import { formatTable } from "../render/table.js";
import { withBench } from "../with-bench.js";

async function du(context: CommandContext, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const use = await diskUse(bench, (error) => context.warn(messageOf(error)));
    if (options.json === true) {
      context.printJson(use);
      return 0;
    }
    const rows = use.sessions.map(({ session, state, layers, snapshots, records }) => [
      session,
      state,
      layers === null ? "not known" : formatSize(layers),
      formatSize(snapshots),
      formatSize(records),
    ]);
    if (rows.length === 0) context.note("no sessions");
    else context.print(formatTable([["SESSION", "STATE", "LAYERS", "SNAPSHOTS", "JOURNAL AND RECORDINGS"], ...rows]));
    const images = use.images.map(({ image, bytes }) => [escapeText(image), formatSize(bytes)]);
    // Images share their lower layers, so their sum would say nothing.
    if (images.length > 0) context.print(`\n${formatTable([["IMAGE", "SIZE"], ...images])}`);
    context.print(
      `\nsessions take ${formatSize(use.total)}; airlock prune would give back ${formatSize(use.prunable)}`,
    );
    return 0;
  });
}

/** `airlock du`. */
export function define(command: Command, act: Act): void {
  command.addHelpText("after", "\nExit status: 0 · 12 engine").action(act(du));
}
