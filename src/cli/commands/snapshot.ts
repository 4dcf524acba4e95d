import type { Command } from "commander";
import { snapshotSession } from "../../session/snapshot.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatSize } from "../render/size.js";
import { chooseSession, withBench } from "../with-bench.js";

interface SnapshotOptions extends GlobalOptions {
  readonly message?: string;
}

async function snapshot(context: CommandContext, id: string | undefined, options: SnapshotOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    const taken = await snapshotSession(bench, record.id, { message: options.message ?? "", reason: "request" });
    if (options.json === true) context.printJson({ session: record.id, ...taken });
    else context.print(`${taken.id}  ${record.id}  ${taken.files} entries, ${formatSize(taken.bytes)}, verified`);
    return 0;
  });
}

/** `airlock snapshot`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project")
    .option("-m, --message <text>", "what the snapshot is for")
    .addHelpText(
      "after",
      "\nSaves the layers: workspace, home, and the container's own files where they are writable (--user root).\n\nExit status: 0 · 10 no such session · 11 busy · 12 engine · 15 the snapshot did not verify",
    )
    .action(act(snapshot));
}
