import { countChanges, orderForPeople } from "../../changes/collect.js";
import { findRenames, type Rename } from "../../changes/renames.js";
import type { GitReport } from "../../git/report.js";
import { belongsToGit } from "../../git/sort-paths.js";
import type { SessionRecord } from "../../model/session.js";
import { deletionWarnings } from "../../risk/whole-set.js";
import { openContents, type SessionChanges, type SessionContents } from "../../session/changes.js";
import { gitChangesOf } from "../../session/git/git-changes.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { makePalette, type Palette, wantsColour } from "./colour.js";
import { renderDiffJson } from "./diff-json.js";
import { renderDiffText } from "./diff-text.js";
import { renderGit } from "./git-section.js";
import { page } from "./pager.js";
import { renderPatch } from "./patch.js";
import { renderStat } from "./stat.js";
import { type Chunks, writeAll } from "./write-all.js";

/** What of a change set is shown: the changes with their contents, counts, a patch, or all of it for a machine. */
export type DiffForm = "text" | "stat" | "patch" | "json";

interface Showing {
  readonly form?: DiffForm;
  /** False: git's own files are shown one by one, as somebody named them. */
  readonly hasGitSection?: boolean;
}

/** What is shown: the changes, which of them are renames, and what they did to git. */
interface Shown extends SessionChanges {
  readonly git: GitReport | null;
  readonly renames: readonly Rename[];
}

// Git's own files are hundreds and say little one by one: the git section tells of them, unless one was asked for by name.
function withoutGit(found: SessionChanges): SessionChanges {
  const changes = found.changes.filter((change) => !belongsToGit(change));
  if (changes.length === found.changes.length) return found;
  return { ...found, changes, totals: countChanges(changes), warnings: deletionWarnings(changes) };
}

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
  const place = { source, palette: paletteOf(context), columns: stdout.columns, signal, renames: shown.renames };
  return afterGit(context, shown, ({ changes, totals, warnings }) =>
    renderDiffText({ changes: orderForPeople(changes), totals, warnings, ...place }),
  );
}

function statOf(context: CommandContext, shown: Shown, source: SessionContents): Chunks {
  const { stdout, signal } = context.edge;
  const { renames } = shown;
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

function chunksOf(context: CommandContext, form: DiffForm, shown: Shown, source: SessionContents): Chunks {
  if (form === "json") return renderDiffJson(shown);
  if (form === "patch") return patchOf(context, shown, source);
  return form === "stat" ? statOf(context, shown, source) : textOf(context, shown, source);
}

/** Shows a change set: to a person through the pager, to a machine as it is. */
export async function showDiff(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
  found: SessionChanges,
  { form = "text", hasGitSection = true }: Showing = {},
): Promise<void> {
  const { stdout, signal } = context.edge;
  await using source = await openContents(bench, record, found.changes);
  const git = hasGitSection ? await gitChangesOf(bench, record, found.changes) : null;
  const renames = form === "patch" ? [] : await findRenames(found.changes, source, signal);
  const chunks = chunksOf(context, form, { ...found, git, renames }, source);
  if (form === "json" || form === "patch") await writeAll(stdout, chunks, signal);
  else await page(chunks, context.edge);
}
