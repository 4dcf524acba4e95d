import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { comesFirst, countChanges, orderForPeople, selectChanges } from "../../changes/collect.js";
import { findRenames, type Rename } from "../../changes/renames.js";
import type { GitReport } from "../../git/report.js";
import { belongsToGit } from "../../git/sort-paths.js";
import type { SessionRecord } from "../../model/session.js";
import { canonicalNames, isInsideGit } from "../../risk/canonical.js";
import { deletionWarnings } from "../../risk/whole-set.js";
import { changesOf, openContents, type SessionChanges, type SessionContents } from "../../session/changes.js";
import { gitChangesOf } from "../../session/git/git-changes.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { makePalette, type Palette, wantsColour } from "../render/colour.js";
import { renderDiffJson } from "../render/diff-json.js";
import { renderDiffText } from "../render/diff-text.js";
import { renderGit } from "../render/git-section.js";
import { renderNames } from "../render/name-only.js";
import { page, writeAll } from "../render/pager.js";
import { renderPatch } from "../render/patch.js";
import { countOf } from "../render/size.js";
import { renderStat } from "../render/stat.js";
import { sessionAndPaths, withBench } from "../with-bench.js";

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

/** What is shown: the changes, which of them are renames, and what they did to git. */
interface Shown extends SessionChanges {
  readonly git: GitReport | null;
  readonly renames?: readonly Rename[];
}

// Git's own files are hundreds and say little one by one: the git section tells of them, unless one was asked for by name.
function withoutGit(found: SessionChanges): SessionChanges {
  const changes = found.changes.filter((change) => !belongsToGit(change));
  if (changes.length === found.changes.length) return found;
  return { ...found, changes, totals: countChanges(changes), warnings: deletionWarnings(changes) };
}

type Chunks = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

async function* afterGit(
  context: CommandContext,
  shown: Shown,
  rest: (found: SessionChanges) => Chunks,
): AsyncGenerator<string | Uint8Array> {
  const palette = paletteOf(context);
  const found = shown.git === null ? shown : withoutGit(shown);
  if (shown.git !== null) {
    yield* renderGit(shown.git, { palette, columns: Math.max(80, context.edge.stdout.columns ?? 80) });
    yield "\n";
  }
  if (shown.git !== null && found.changes.length === 0) yield palette.bold("nothing else changed\n");
  else yield* rest(found);
}

function paletteOf({ edge }: CommandContext): Palette {
  return makePalette(wantsColour(edge.env, edge.stdout.isTTY === true));
}

function textOf(context: CommandContext, shown: Shown, source: SessionContents): Chunks {
  const { signal, stdout } = context.edge;
  const place = { source, palette: paletteOf(context), columns: stdout.columns, signal, renames: shown.renames ?? [] };
  return afterGit(context, shown, ({ changes, totals, warnings }) =>
    renderDiffText({ changes: orderForPeople(changes), totals, warnings, ...place }),
  );
}

function statOf(context: CommandContext, shown: Shown, source: SessionContents): Chunks {
  const { stdout, signal } = context.edge;
  const { renames = [] } = shown;
  const place = { source, palette: paletteOf(context), columns: stdout.columns ?? 80, signal, renames };
  return afterGit(context, shown, ({ changes }) => renderStat({ changes: orderForPeople(changes), ...place }));
}

// git refuses a whole patch that touches its own data.
function patchOf(context: CommandContext, shown: Shown, source: SessionContents): Chunks {
  const { changes } = shown.git === null ? shown : withoutGit(shown);
  const left = shown.changes.length - changes.length;
  if (left > 0) context.warn(`${left} paths of git's own data are not in the patch`);
  return renderPatch({ changes, source, warn: context.warn, signal: context.edge.signal });
}

/** Shows a change set to a person, through the pager. */
export async function showDiff(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
  found: SessionChanges,
): Promise<void> {
  await using source = await openContents(bench, record, found.changes);
  const git = await gitChangesOf(bench, record, found.changes);
  const renames = await findRenames(found.changes, source, context.edge.signal);
  await page(textOf(context, { ...found, git, renames }, source), context.edge);
}

function chunksOf(context: CommandContext, found: Shown, source: SessionContents, options: DiffOptions): Chunks {
  if (options.json === true) return renderDiffJson(found);
  if (options.nameOnly === true) return renderNames(found.changes, { nul: options.z === true });
  if (options.patch === true) return patchOf(context, found, source);
  return options.stat === true ? statOf(context, found, source) : textOf(context, found, source);
}

function namesGit(paths: readonly string[]): boolean {
  return paths.some((path) => isInsideGit(canonicalNames(path)));
}

// A name that stands for nothing is a mistake, and silence would be taken for "unchanged".
async function requireKnown({ changes, base }: SessionChanges, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (selectChanges(changes, [path]).length > 0) continue;
    const found = await lstat(join(base.path, path)).catch(() => null);
    if (found !== null) continue;
    throw new AirlockError("E_USAGE", `${displayPath(path)} is neither a session nor a path of the project`, {
      hint: "airlock ls --all, airlock diff --name-only",
    });
  }
}

// Who looks at a part must know that there is more, and git's own files are told of as in the whole.
function noteOutside(context: CommandContext, all: SessionChanges, shown: SessionChanges): void {
  const inside = new Set(shown.changes);
  const outside = all.changes.filter((change) => comesFirst(change) && !inside.has(change));
  const first = outside.filter((change) => !belongsToGit(change)).length;
  const parts = [
    ...(first === 0 ? [] : [countOf(first, "deletion or change of high risk", "deletions or changes of high risk")]),
    ...(first === outside.length ? [] : ["changes of git's own data"]),
  ];
  if (parts.length > 0) context.note(`airlock: outside the paths given: ${parts.join(" and ")}`);
}

async function diff(context: CommandContext, words: readonly string[], options: DiffOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const { record, paths } = await sessionAndPaths(context, bench, words, options.session);
    const all = await changesOf(bench, record, { hashes: options.json === true ? "all" : "shown" });
    await requireKnown(all, paths);
    const chosen = select(all, paths);
    const needsGit = options.json === true || !(options.nameOnly === true || namesGit(paths));
    const found = { ...chosen, git: needsGit ? await gitChangesOf(bench, record, chosen.changes) : null };
    await using source = await openContents(bench, record, found.changes);
    const plain = options.nameOnly === true || options.patch === true;
    const renames = plain ? [] : await findRenames(found.changes, source, context.edge.signal);
    const chunks = chunksOf(context, { ...found, renames }, source, options);
    const forMachines = options.json === true || options.patch === true || options.nameOnly === true;
    if (forMachines) await writeAll(context.edge.stdout, chunks, context.edge.signal);
    else await page(chunks, context.edge);
    noteOutside(context, all, found);
    return 0;
  });
}

/** `airlock diff`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[words...]", "a session, then paths of the project; by default all of the newest session")
    .usage("[options] [ID] [PATH...]")
    .option("-s, --session <id>", "the session; every word is a path then")
    .option("--stat", "a line for each change")
    .option("--name-only", "the paths alone")
    .option("-z", "with --name-only: the exact bytes, each path ended by NUL")
    .option("--patch", "a patch that git apply and patch -p1 take")
    .addHelpText(
      "after",
      "\nDeletions and what is risky come first, with the reasons.\n\nExit status: 0 · 2 no such path · 10 no such session · 12 engine",
    )
    .action(act(diff));
}
