import type { ChangeTotals } from "../model/change.js";
import type { SessionRecord } from "../model/session.js";
import { changesOf, type SessionChanges } from "../session/changes.js";
import { discardSession } from "../session/discard.js";
import type { Workbench } from "../session/workbench.js";
import type { CommandContext } from "./context.js";
import { showDiff } from "./diff.js";
import { choose } from "./prompt.js";
import { formatReceipt } from "./render/receipt.js";
import { formatSummary } from "./render/summary.js";

/** After a `run` at a terminal: what changed, and what to do with it. */
export async function reviewSession(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
): Promise<{ readonly kept: boolean; readonly totals: ChangeTotals }> {
  const changes: SessionChanges = await changesOf(bench, record, { hashes: "shown" });
  const { totals } = changes;
  context.edge.stderr.write(`\n${formatSummary(changes, context.edge)}\n`);
  for (;;) {
    const question = "diff, discard or keep? [keep] ";
    const answer = await choose(context.edge, question, ["keep", "diff", "discard"], context.edge.signal);
    if (answer === "diff") {
      await showDiff(context, bench, record, changes);
      continue;
    }
    if (answer === "discard") {
      context.edge.stderr.write(`${formatReceipt(await discardSession(bench, record.id))}\n`);
      return { kept: false, totals };
    }
    context.note(`kept session ${record.id}: airlock diff, airlock discard`);
    return { kept: true, totals };
  }
}
