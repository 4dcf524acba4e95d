import type { Command } from "commander";
import { AirlockError, catalogue } from "../../base/errors.js";
import { discardSession, type Receipt } from "../../session/discard.js";
import { forksFirst } from "../../session/forks.js";
import { listSessions } from "../../session/store.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatReceipt } from "../render/receipt.js";
import { chooseSession, withBench } from "../with-bench.js";

interface DiscardOptions extends GlobalOptions {
  readonly all?: boolean;
}

async function chosenIds(
  context: CommandContext,
  bench: Workbench,
  ids: readonly string[],
  options: DiscardOptions,
): Promise<string[]> {
  if (options.all === true) {
    const records = await listSessions(bench.home, (error) => context.warn(String(error)));
    return forksFirst(records.filter(({ state }) => state !== "discarded")).map(({ id }) => id);
  }
  if (ids.length === 0) return [(await chooseSession(context, bench, undefined)).id];
  const records = await Promise.all(ids.map((id) => chooseSession(context, bench, id)));
  return forksFirst(records).map(({ id }) => id);
}

function printReceipts(context: CommandContext, receipts: readonly Receipt[]): void {
  if (context.options.json === true) context.printJson(receipts.length === 1 ? receipts[0] : receipts);
  else for (const receipt of receipts) context.print(formatReceipt(receipt));
}

async function discard(context: CommandContext, ids: readonly string[], options: DiscardOptions): Promise<number> {
  if (options.all === true && ids.length > 0)
    throw new AirlockError("E_USAGE", "give either session ids or --all, not both");
  return withBench(context, async (bench) => {
    const receipts: Receipt[] = [];
    for (const id of await chosenIds(context, bench, ids, options)) receipts.push(await discardSession(bench, id));
    printReceipts(context, receipts);
    return receipts.every(({ clean }) => clean) ? 0 : catalogue.E_LEFT_BEHIND.exit;
  });
}

/** `airlock discard`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id...]", "sessions; by default the newest of the project")
    .option("--all", "every session")
    .addHelpText("after", "\nExit status: 0 everything is gone · 1 something is left · 10 no such session · 12 engine")
    .action(act(discard));
}
