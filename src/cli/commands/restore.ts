import type { Command } from "commander";
import { restoreSession } from "../../session/snapshot.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { parseSnapshotReference } from "../options/snapshot-reference.js";
import { chooseSession, programOf, withBench } from "../with-bench.js";

async function restore(context: CommandContext, reference: string, options: GlobalOptions): Promise<number> {
  const { session, snapshot } = parseSnapshotReference(reference);
  return withBench(context, async (bench) => {
    const { id } = await chooseSession(context, bench, session);
    const { before, record } = await restoreSession(bench, id, snapshot, programOf(context));
    if (options.json === true)
      context.printJson({ session: id, restored: snapshot, before: before.id, state: record.state });
    else context.print(`${id} is back at ${snapshot}; what was there before is ${before.id}`);
    return 0;
  });
}

/** `airlock restore`. */
export function define(command: Command, act: Act): void {
  command
    .argument("<snapshot>", "a snapshot of the project's newest session (s2), or SESSION/s2")
    .addHelpText(
      "after",
      "\nThe present state is saved as a snapshot first; the sandbox is replaced, what runs in it ends.\n\nExit status: 0 · 10 no such session or snapshot · 11 busy · 12 engine · 15 the snapshot is damaged",
    )
    .action(act(restore));
}
