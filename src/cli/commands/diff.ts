import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { countChanges, selectChanges } from "../../changes/collect.js";
import { belongsToGit } from "../../git/sort-paths.js";
import { canonicalNames, isInsideGit } from "../../risk/canonical.js";
import { comesFirst } from "../../risk/comes-first.js";
import { changesOf, type SessionChanges } from "../../session/changes.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { renderNames } from "../render/name-only.js";
import type { DiffForm } from "../render/show-diff.js";
import { countOf } from "../render/size.js";
import { writeAll } from "../render/write-all.js";
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

function formOf({ json, nameOnly, patch, stat }: DiffOptions): DiffForm | "names" {
  if (json === true) return "json";
  if (nameOnly === true) return "names";
  if (patch === true) return "patch";
  return stat === true ? "stat" : "text";
}

// The paths alone are had without reading a file, unless what lies outside of them is to be told of by its risk.
function whatIsRead({ json, nameOnly }: DiffOptions, paths: readonly string[]): Parameters<typeof changesOf>[2] {
  if (json === true) return { hashes: "all" };
  return nameOnly === true && paths.length === 0 ? { readsContents: false } : { hashes: "shown" };
}

async function diff(context: CommandContext, words: readonly string[], options: DiffOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const { record, paths } = await sessionAndPaths(context, bench, words, options.session);
    const all = await changesOf(bench, record, whatIsRead(options, paths));
    await requireKnown(all, paths);
    const found = select(all, paths);
    const form = formOf(options);
    if (form === "names") {
      const names = renderNames(found.changes, { nul: options.z === true });
      await writeAll(context.edge.stdout, names, context.edge.signal);
    } else {
      const { showDiff } = await import("../render/show-diff.js");
      await showDiff(context, bench, record, found, { form, hasGitSection: form === "json" || !namesGit(paths) });
    }
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
