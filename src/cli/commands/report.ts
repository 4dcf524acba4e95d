import type { Command } from "commander";
import { escapeText } from "../../base/escape.js";
import { readJournal } from "../../journal/read.js";
import { journalPaths } from "../../session/home.js";
import { accountFor, type ReportTotals } from "../../session/report.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { chooseSession, withBench } from "../with-bench.js";

const width = 80;

// What is longer than a line is cut, and says so; the journal has all of it.
function cutLine(text: string): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

function formatTotals(totals: ReportTotals): string[] {
  return [
    `tools     ${totals.asked} asked, ${totals.allowed} allowed, ${totals.denied} denied`,
    `commands  ${totals.ran} run`,
    `network   ${totals.connected} connected, ${totals.refused} refused or failed`,
    ...(totals.awsCalls + totals.awsRefused === 0
      ? []
      : [
          `AWS       ${totals.awsCalls} called, ${totals.awsRefused} refused, ${totals.awsChanges} changed something by name`,
        ]),
    `project   ${totals.applied} applied, ${totals.undone} undone`,
    `safety    ${totals.snapshots} snapshots, everything trusted ${totals.trustAllPeriods} times`,
    `session   ${totals.isDiscarded ? "discarded" : "not discarded"}`,
  ];
}

async function report(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id, { includeDiscarded: true });
    const { lines, totals } = await accountFor(readJournal(journalPaths(bench.home, record.id).journal));
    if (options.json === true) {
      context.printJson({ session: record.id, totals, lines });
      return 0;
    }
    context.print(`session ${record.id}`);
    for (const { at, text } of lines) context.print(cutLine(`${at.slice(0, 19)}Z  ${escapeText(text)}`));
    context.print("");
    for (const line of formatTotals(totals)) context.print(line);
    return 0;
  });
}

/** `airlock report`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project, discarded ones included")
    .addHelpText(
      "after",
      "\nLong lines are cut at 80 columns: airlock log has all of them.\n\nExit status: 0 · 10 no such session · 15 the journal is damaged",
    )
    .action(act(report));
}
