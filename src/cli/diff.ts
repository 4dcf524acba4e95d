import type { Command } from "commander";
import { comesFirst, countChanges, orderForPeople, selectChanges } from "../changes/collect.js";
import type { Change } from "../model/change.js";
import type { SessionRecord } from "../model/session.js";
import { changesOf, openContents, type SessionChanges, type SessionContents } from "../session/changes.js";
import type { Workbench } from "../session/workbench.js";
import type { Act } from "./command.js";
import type { CommandContext, GlobalOptions } from "./context.js";
import { makePalette, wantsColour } from "./render/colour.js";
import { renderDiffJson } from "./render/diff-json.js";
import { renderDiffText } from "./render/diff-text.js";
import { renderNames } from "./render/name-only.js";
import { page, writeAll } from "./render/pager.js";
import { renderPatch } from "./render/patch.js";
import { renderStat } from "./render/stat.js";
import { chooseSession, withBench } from "./with-bench.js";

interface DiffOptions extends GlobalOptions {
  readonly stat?: boolean;
  readonly nameOnly?: boolean;
  readonly patch?: boolean;
  readonly z?: boolean;
  readonly session?: string;
}

function select(found: SessionChanges, paths: readonly string[]): SessionChanges {
  if (paths.length === 0) return found;
  const changes = selectChanges(found.changes, paths);
  return { ...found, changes, totals: countChanges(changes) };
}

function textOf(context: CommandContext, found: SessionChanges, source: SessionContents): AsyncIterable<string> {
  const { stdout, env, signal } = context.edge;
  const palette = makePalette(wantsColour(env, stdout.isTTY === true));
  return renderDiffText({
    changes: orderForPeople(found.changes),
    totals: found.totals,
    warnings: found.warnings,
    source,
    palette,
    signal,
  });
}

/** Shows a change set to a person, through the pager. */
export async function showDiff(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
  found: SessionChanges,
): Promise<void> {
  await using source = await openContents(bench, record, found.changes);
  await page(textOf(context, found, source), context.edge);
}

type Chunks = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

function chunksOf(
  context: CommandContext,
  found: SessionChanges,
  source: SessionContents,
  options: DiffOptions,
): Chunks {
  const { edge, warn } = context;
  const ordered: readonly Change[] = orderForPeople(found.changes);
  if (options.json === true) return renderDiffJson(found);
  if (options.nameOnly === true) return renderNames(found.changes, { nul: options.z === true });
  if (options.patch === true) return renderPatch({ changes: found.changes, source, warn, signal: edge.signal });
  if (options.stat === true) {
    const palette = makePalette(wantsColour(edge.env, edge.stdout.isTTY === true));
    return renderStat({ changes: ordered, source, palette, columns: edge.stdout.columns ?? 80, signal: edge.signal });
  }
  return textOf(context, found, source);
}

async function diff(context: CommandContext, paths: readonly string[], options: DiffOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, options.session);
    const all = await changesOf(bench, record, { hashes: options.json === true ? "all" : "shown" });
    const found = select(all, paths);
    await using source = await openContents(bench, record, found.changes);
    const chunks = chunksOf(context, found, source, options);
    const forMachines = options.json === true || options.patch === true || options.nameOnly === true;
    if (forMachines) await writeAll(context.edge.stdout, chunks, context.edge.signal);
    else await page(chunks, context.edge);
    const first = all.changes.filter(comesFirst).length - found.changes.filter(comesFirst).length;
    if (first > 0) context.note(`airlock: ${first} deletions or changes of high risk lie outside the paths given`);
    return 0;
  });
}

/** `airlock diff`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[path...]", "only these paths of the project")
    .option("-s, --session <id>", "the session; by default the newest of the project")
    .option("--stat", "a line for each change")
    .option("--name-only", "the paths alone")
    .option("-z", "with --name-only: the exact bytes, each path ended by NUL")
    .option("--patch", "a patch that git apply and patch -p1 take")
    .addHelpText(
      "after",
      "\nDeletions and what is risky come first, with the reasons.\n\nExit status: 0 · 10 no such session · 12 engine",
    )
    .action(act(diff));
}
