import type { Command } from "commander";
import { messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { type DiskUse, diskUse } from "../../session/disk-usage.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatSize } from "../render/size.js";
import { formatTable } from "../render/table.js";
import { withBench } from "../with-bench.js";

const sizeText = (bytes: number | null): string => (bytes === null ? "not known" : formatSize(bytes));

function totalText({ total, prunable, unknown }: DiskUse): string {
  const least = unknown.length === 0 ? "" : "at least ";
  const text = `sessions take ${least}${formatSize(total)}; airlock prune would give back ${least}${formatSize(prunable)}`;
  return unknown.length === 0 ? text : `${text} (not all is known of ${unknown.join(", ")})`;
}

async function du(context: CommandContext, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const use = await diskUse(bench, (error) => context.warn(messageOf(error)));
    if (options.json === true) {
      context.printJson(use);
      return 0;
    }
    const rows = use.sessions.map(({ session, state, layers, bases, snapshots, records }) => [
      session,
      state,
      sizeText(layers),
      sizeText(bases),
      sizeText(snapshots),
      formatSize(records),
    ]);
    if (rows.length === 0) context.note("no sessions");
    else
      context.print(
        formatTable([["SESSION", "STATE", "LAYERS", "UPLOADED", "SNAPSHOTS", "JOURNAL AND RECORDINGS"], ...rows]),
      );
    const images = use.images.map(({ image, bytes }) => [escapeText(image), formatSize(bytes)]);
    // Images share their lower layers, so their sum would say nothing.
    if (images.length > 0) context.print(`\n${formatTable([["IMAGE", "SIZE"], ...images])}`);
    context.print(`\n${totalText(use)}`);
    return 0;
  });
}

/** `airlock du`. */
export function define(command: Command, act: Act): void {
  command.addHelpText("after", "\nExit status: 0 · 12 engine").action(act(du));
}
