import type { Change } from "../model/change.js";
import { describeBranch, describeRef, type HostHistory } from "./branches.js";
import { compareConfigs } from "./config-changes.js";
import { LayerObjects } from "./layer-objects.js";
import { compareRefs } from "./ref-changes.js";
import type { GitBranch, GitReport, ReadFile } from "./report.js";
import { type SortedPaths, sortPaths } from "./sort-paths.js";

/** What a description needs: all changes of the session, and readers of both sides. */
export interface DescribeInput {
  readonly changes: readonly Change[];
  readonly before: ReadFile;
  readonly after: ReadFile;
  readonly history: HostHistory;
  readonly signal: AbortSignal;
}

function topRisks({ top }: SortedPaths): string[] {
  if (top === null) return [];
  const [was, is] = [top.before?.type, top.after?.type];
  if (is === undefined) return ["the repository (.git) is deleted"];
  if (was === undefined && is === "dir") return ["a repository (.git) is made where the host has none"];
  if (is === "file") return ["`.git` is a file, which leads git to another place"];
  return is === "dir" && was === "dir" ? [] : [`\`.git\` is a ${is === "symlink" ? "link" : "special file"}`];
}

function branchRisk({ name, kind, lost, conflict }: GitBranch): string[] {
  if (kind === "deleted") return [`branch ${name} is deleted`];
  if (kind !== "rewritten") return [];
  if (conflict) return [`branch ${name} moved on the host too since the session began, and the two have parted`];
  if (lost === null)
    return [`history of branch ${name} may be rewritten: that the host's commits are in it cannot be shown`];
  return [`history of branch ${name} is rewritten: ${lost} ${lost === 1 ? "commit" : "commits"} of the host not in it`];
}

function risksOf(sorted: SortedPaths, report: Omit<GitReport, "risks">): string[] {
  const { branches, refs, config, hooks, files, elsewhere } = report;
  return [
    ...topRisks(sorted),
    ...branches.flatMap(branchRisk),
    ...refs
      .filter(({ name }) => name.startsWith("refs/replace/"))
      .map(({ name }) => `${name} replaces an object by another`),
    ...refs
      .filter(({ name, kind }) => name.startsWith("refs/tags/") && kind !== "added")
      .map(({ name, kind }) => `${name} is ${kind}`),
    ...config
      .filter(({ effect }) => effect !== null)
      .map(({ path, key, kind, effect }) => `${path}: ${key} (${kind}) ${effect}`),
    ...[...hooks, ...files].filter(({ effect }) => effect !== null).map(({ path, effect }) => `${path} ${effect}`),
    ...elsewhere.map(({ path, kind }) => `${path} is git data at another place (${kind})`),
  ];
}

/** Describes what a session did to git, from the files of both sides alone; null when nothing of git's changed. */
export async function describeGit(input: DescribeInput): Promise<GitReport | null> {
  const { changes, history, signal } = input;
  const sorted = sortPaths(changes);
  if (sorted === null) return null;
  const objects = new LayerObjects(sorted.all, input.after);
  const { moved, head, known, notes } = await compareRefs(sorted.refs, input);
  const { config, notes: configNotes } = await compareConfigs(sorted.configs, input);
  const heads = moved.filter(({ name }) => name.startsWith("refs/heads/"));
  const branches: GitBranch[] = [];
  const found: string[] = [...notes, ...configNotes];
  for (const ref of heads) {
    const described = await describeBranch(ref, { objects, history, known, signal });
    branches.push(described.branch);
    found.push(...described.notes);
  }
  found.push(...(await objects.unreadPacks()).map((name) => `${name} is not looked into: it is too large, or no pack`));
  if (sorted.all.some(({ path }) => path.startsWith(".git/reftable/")))
    found.push("refs are kept as a reftable, which is not read here");
  const { hooks, files, elsewhere, counts } = sorted;
  const refs = moved.filter((ref) => !heads.includes(ref)).map(describeRef);
  const report = {
    head,
    branches,
    refs,
    config,
    hooks,
    files,
    elsewhere,
    counts,
    paths: sorted.all.length,
    notes: found,
  };
  return { ...report, risks: risksOf(sorted, report) };
}
