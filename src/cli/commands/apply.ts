import { type Command, Option } from "commander";
import { AirlockError, catalogue } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { selectChanges } from "../../changes/collect.js";
import type { ConflictPolicy } from "../../model/apply.js";
import type { Change } from "../../model/change.js";
import { openReview, type Review } from "../../session/apply/review.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { applySelection, conflictPolicies, reportOutcome, selectHunks } from "../dialogue/apply-selection.js";
import { canAsk } from "../dialogue/consent.js";
import { sessionAndPaths, withBench } from "../with-bench.js";

interface ApplyOptions extends GlobalOptions {
  readonly session?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly allowRisk?: boolean;
  readonly onConflict?: ConflictPolicy;
  readonly patch?: boolean;
  readonly sync?: boolean;
  readonly commits?: string | true;
  readonly force?: boolean;
}

function selectFor(review: Review, paths: readonly string[]): readonly Change[] {
  for (const path of paths) {
    if (selectChanges(review.changes.changes, [path]).length > 0) continue;
    throw new AirlockError("E_USAGE", `the session changed nothing at ${displayPath(path)}`, {
      hint: "airlock diff --name-only",
    });
  }
  return selectChanges(review.changes.changes, paths);
}

async function apply(context: CommandContext, words: readonly string[], options: ApplyOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const { record, paths } = await sessionAndPaths(context, bench, words, options.session);
    if (options.commits !== undefined) {
      if (paths.length > 0) throw new AirlockError("E_USAGE", "--commits takes a branch, not paths");
      const { applyCommits } = await import("./apply-commits.js");
      return await applyCommits(context, bench, record.id, {
        branch: options.commits === true ? undefined : options.commits,
        yes: options.yes === true,
        allowRisk: options.allowRisk === true,
        dryRun: options.dryRun === true,
        force: options.force === true,
      });
    }
    const review = await openReview(bench, record.id);
    const chosen = selectFor(review, paths);
    if (chosen.length === 0) context.note(`session ${record.id} changed nothing`);
    const asksHunks = options.patch === true;
    if (asksHunks && !canAsk(context)) throw new AirlockError("E_USAGE", "--patch needs a terminal to ask at");
    const selection = asksHunks
      ? await selectHunks(context, bench, review, chosen)
      : { chosen, overrides: new Map<string, Uint8Array>() };
    const outcome = await applySelection(context, bench, review, selection, {
      policy: options.onConflict,
      yes: options.yes === true,
      allowRisk: options.allowRisk === true,
      dryRun: options.dryRun === true,
      sync: options.sync !== false,
    });
    reportOutcome(context, outcome);
    return outcome.conflicts.length > 0 ? catalogue.E_APPLY_CONFLICT.exit : 0;
  });
}

const help = `
Deletions and high risk come first, and each change of high risk is asked for by itself, also with --yes. What git keeps \
(.git) is never applied as files: --commits brings commits over. Nothing is half done: an apply that fails or is killed \
is rolled back, and airlock undo takes a finished one back.

Exit status: 0 · 2 no such path · 10 no such session · 11 busy · 13 refused · 14 the host changed where the session did`;

/** `airlock apply`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[words...]", "a session, then paths of the project; by default all of the newest session")
    .usage("[options] [ID] [PATH...]")
    .option("-s, --session <id>", "the session; every word is a path then")
    .option("-n, --dry-run", "show the plan and stop")
    .option("-y, --yes", "do not ask, but for high risk")
    .option("-p, --patch", "choose hunks, as git add -p does")
    .option("--allow-risk", "do not ask for high risk either")
    .addOption(new Option("--on-conflict <what>", "what to do where the host changed too").choices(conflictPolicies))
    .option("--commits [branch]", "bring over the commits made inside, to the branch airlock/SESSION")
    .option("--force", "with --commits: replace what an earlier one brought")
    .option("--no-sync", "do not wait until the disk has it")
    .addHelpText("after", help)
    .action(act(apply));
}
