import { type Command, Option } from "commander";
import { AirlockError } from "../../base/errors.js";
import { setAuto } from "../../session/auto/auto-file.js";
import { snapshotSession } from "../../session/snapshot.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatSize } from "../render/size.js";
import { chooseSession, withBench } from "../with-bench.js";

interface SnapshotOptions extends GlobalOptions {
  readonly message?: string;
  readonly auto?: "on" | "off";
}

async function turn(context: CommandContext, id: string | undefined, options: SnapshotOptions): Promise<number> {
  if (options.message !== undefined)
    throw new AirlockError("E_USAGE", "--auto takes no snapshot, so it has no --message");
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    const isOn = options.auto === "on";
    await setAuto(bench, record.id, isOn);
    if (options.json === true) context.printJson({ session: record.id, auto: isOn });
    else if (isOn) context.print(`${record.id}: a snapshot is taken before each tool call that writes`);
    else context.print(`${record.id}: no snapshot is taken by itself`);
    return 0;
  });
}

async function snapshot(context: CommandContext, id: string | undefined, options: SnapshotOptions): Promise<number> {
  if (options.auto !== undefined) return turn(context, id, options);
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
    .addOption(
      new Option("--auto <on-or-off>", "whether one is taken before each tool call that writes").choices(["on", "off"]),
    )
    .addHelpText(
      "after",
      "\nSaves the layers: workspace, home, and the container's own files where they are writable (--user root).\n\nExit status: 0 · 2 usage · 10 no such session · 11 busy · 12 engine · 15 the snapshot did not verify",
    )
    .action(act(snapshot));
}
