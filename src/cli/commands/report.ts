import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { AirlockError, messageOf } from "../../base/errors.js";
import { displayPath, escapeText } from "../../base/escape.js";
import { orderForPeople } from "../../changes/collect.js";
import { readJournal } from "../../journal/read.js";
import type { SessionRecord } from "../../model/session.js";
import { journalPaths } from "../../session/home.js";
import { castsFolder, measureCast } from "../../session/recording/killed-casts.js";
import { accountFor, type ReportTotals, type SessionReport } from "../../session/report.js";
import type { ReportCast } from "../../session/report-times.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatSize } from "../render/size.js";
import { chooseSession, withBench } from "../with-bench.js";

const width = 80;

// What is longer than a line is cut, and says so; the journal has all of it.
function cutLine(text: string): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function formatCast({ cast, at, isEnded, seconds, bytes, cut }: ReportCast): string {
  const parts = [
    ...(seconds === null ? [] : [formatSeconds(seconds)]),
    ...(bytes === null ? [] : [formatSize(bytes)]),
    ...(isEnded ? [] : ["not ended"]),
    ...(cut === null ? [] : [`cut: ${cut}`]),
  ];
  return cutLine(`  ${escapeText(cast)}  ${at.slice(0, 19)}Z  ${escapeText(parts.join(", "))}`);
}

function changedText({ changed }: ReportTotals): string {
  if (changed === null) return "changes not looked at";
  const { added, modified, deleted } = changed;
  return `${added + modified + deleted} changed (${added} added, ${modified} modified, ${deleted} deleted)`;
}

function formatTotals(totals: ReportTotals): string[] {
  return [
    `tools     ${totals.asked} asked, ${totals.allowed} allowed, ${totals.denied} denied; ${formatSeconds(totals.toolSeconds)}`,
    `commands  ${totals.ran} run; ${formatSeconds(totals.commandSeconds)}`,
    `network   ${totals.connected} connected, ${totals.refused} refused or failed`,
    ...(totals.awsCalls + totals.awsRefused === 0
      ? []
      : [
          `AWS       ${totals.awsCalls} called, ${totals.awsRefused} refused, ${totals.awsChanges} changed something by name`,
        ]),
    `project   ${changedText(totals)}, ${totals.applied} applied, ${totals.undone} undone`,
    `safety    ${totals.snapshots} snapshots, everything trusted ${totals.trustAllPeriods} times`,
    `session   ${formatSeconds(totals.seconds)}; ${totals.isDiscarded ? "discarded" : "not discarded"}`,
  ];
}

interface ReportOptions extends GlobalOptions {
  readonly html?: string;
}

async function writeHtml(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
  { file, found }: { readonly file: string; readonly found: SessionReport },
): Promise<void> {
  const [{ renderReportHtml }, { changesOf }] = await Promise.all([
    import("../render/report-html.js"),
    import("../../session/changes.js"),
  ]);
  const isGone = record.state === "discarded" || record.state === "discarding";
  const changes = isGone ? null : orderForPeople((await changesOf(bench, record)).changes);
  const page = renderReportHtml({
    session: record.id,
    project: record.project.path,
    command: record.command?.join(" ") ?? null,
    report: found,
    changes,
  });
  if (file === "-") return context.print(page.trimEnd());
  const path = resolve(context.edge.cwd, file);
  await writeFile(path, page, { mode: 0o600 }).catch((error: unknown) => {
    throw new AirlockError("E_USAGE", `cannot write ${file}: ${messageOf(error)}`, { cause: error });
  });
  context.note(`airlock: the report is in ${displayPath(path)}`);
}

async function report(context: CommandContext, id: string | undefined, options: ReportOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id, { includeDiscarded: true });
    const found = await accountFor(readJournal(journalPaths(bench.home, record.id).journal));
    const { lines, totals, casts } = found;
    if (options.html !== undefined) {
      await writeHtml(context, bench, record, { file: options.html, found });
      return 0;
    }
    // Of one that nobody ended only its file knows how far it came.
    for (const each of casts.filter(({ isEnded }) => !isEnded))
      Object.assign(each, await measureCast(bench.home, record.id, each.cast));
    if (options.json === true) {
      context.printJson({ session: record.id, totals, casts, lines });
      return 0;
    }
    context.print(`session ${record.id}`);
    for (const { at, text } of lines) context.print(cutLine(`${at.slice(0, 19)}Z  ${escapeText(text)}`));
    context.print("");
    for (const line of formatTotals(totals)) context.print(line);
    if (casts.length === 0) return 0;
    context.print(`\nrecordings in ${displayPath(castsFolder(bench.home, record.id))}`);
    for (const cast of casts) context.print(formatCast(cast));
    return 0;
  });
}

/** `airlock report`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project, discarded ones included")
    .option("--html <file>", "write a page that is readable without a network and printable; -: to standard output")
    .addHelpText(
      "after",
      "\nLong lines are cut at 80 columns: airlock log has all of them.\n\nExit status: 0 · 10 no such session · 15 the journal is damaged",
    )
    .action(act(report));
}
