import type { Command } from "commander";
import { AirlockError, messageOf } from "../../base/errors.js";
import { type PrunePlan, planPrune, prune } from "../../session/prune.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { confirm } from "../dialogue/prompt.js";
import { formatReceipt } from "../render/receipt.js";
import { withBench } from "../with-bench.js";

interface PruneOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function describePlan({ unfinished, orphans, outdated, snapshots, journals }: PrunePlan): string {
  const section = (title: string, items: readonly string[]): string[] =>
    items.length === 0 ? [] : [`${title}:`, ...items.map((item) => `  ${item}`)];
  return [
    ...section("discards to finish", unfinished),
    ...section("orphans: the engine holds their work, this state folder does not know them", orphans),
    ...section("of other versions of Airlock", outdated),
    ...section(
      "snapshots that your configuration keeps no longer",
      snapshots.map(({ session, snapshot, why }) => `${session}/${snapshot}  (${why})`),
    ),
    ...section("journals of sessions discarded more than 30 days ago", journals),
  ].join("\n");
}

function isEmpty(plan: PrunePlan): boolean {
  return Object.values(plan).every((items: readonly unknown[]) => items.length === 0);
}

async function mayGoOn(context: CommandContext, plan: PrunePlan, options: PruneOptions): Promise<boolean> {
  // Finishing what a person already asked for needs no second question; deleting an orphan's work does.
  if (options.yes === true || plan.orphans.length === 0) return true;
  if (context.edge.stdin.isTTY === true) return confirm(context.edge, "Remove them?");
  throw new AirlockError("E_USAGE", "orphans hold work; removing them without a terminal needs --yes");
}

async function run(context: CommandContext, options: PruneOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const plan = await planPrune(bench, (error) => context.warn(messageOf(error)));
    const empty = isEmpty(plan);
    if (options.json !== true) context.print(empty ? "nothing to prune" : describePlan(plan));
    if (empty || options.dryRun === true || !(await mayGoOn(context, plan, options))) {
      if (options.json === true) context.printJson({ plan, receipts: [], removed: [] });
      return 0;
    }
    const result = await prune(bench, plan);
    if (options.json === true) context.printJson({ plan, ...result });
    else for (const receipt of result.receipts) context.print(formatReceipt(receipt));
    return result.receipts.every(({ clean }) => clean) ? 0 : 1;
  });
}

/** `airlock prune`. */
export function define(command: Command, act: Act): void {
  command
    .option("--dry-run", "only show what would be removed")
    .option("-y, --yes", "do not ask")
    .addHelpText(
      "after",
      "\nOnly what carries this state folder's label is touched.\n\nExit status: 0 done · 1 something is left · 12 engine",
    )
    .action(act(run));
}
