import type { Command } from "commander";
import { escapeText } from "../../base/escape.js";
import { listSnapshots } from "../../session/snapshot.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatSize } from "../render/size.js";
import { formatTable } from "../render/table.js";
import { chooseSession, withBench } from "../with-bench.js";

async function snapshots(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    const list = await listSnapshots(bench, record);
    if (options.json === true) {
      context.printJson({ session: record.id, snapshots: list });
      return 0;
    }
    const rows = list.map((each) => [
      each.id,
      each.createdAt,
      String(each.files),
      formatSize(each.bytes),
      escapeText(each.message),
    ]);
    context.print(formatTable([["SNAPSHOT", "TAKEN", "ENTRIES", "SIZE", "FOR"], ...rows]));
    return 0;
  });
}

/** `airlock snapshots`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project")
    .addHelpText("after", "\nExit status: 0 · 10 no such session")
    .action(act(snapshots));
}
