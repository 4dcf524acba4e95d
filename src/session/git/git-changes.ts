import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openHostBase } from "../../changes/host-base.js";
import { describeGit } from "../../git/describe.js";
import { hostHistory } from "../../git/host-history.js";
import type { GitReport, ReadFile } from "../../git/report.js";
import { gitRunner, trustedPath } from "../../git/run-git.js";
import { belongsToGit } from "../../git/sort-paths.js";
import type { Change } from "../../model/change.js";
import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";

/** The host's repository, and as whom git may be run in it. */
export interface RepositoryPlace {
  readonly gitDir: string;
  readonly path: string;
  readonly as: { readonly uid: number; readonly gid: number } | null;
}

/**
 * The project's repository on the host. Null: there is none, or it belongs to somebody else, whose configuration would be
 * obeyed. Root works in it as its owner, so that nothing in it comes to belong to root.
 */
export async function repositoryPlace({ surroundings }: Workbench, project: string): Promise<RepositoryPlace | null> {
  const gitDir = join(project, ".git");
  const owner = await stat(gitDir).catch(() => null);
  if (owner === null || (surroundings.uid !== 0 && owner.uid !== surroundings.uid)) return null;
  const as = owner.uid === surroundings.uid ? null : { uid: owner.uid, gid: owner.gid };
  return { gitDir, path: trustedPath(surroundings.env["PATH"], project), as };
}

const nothing = { countMissing: async () => null, present: async () => null };

/** What a session did to git, without git being run on anything that was made in it; null when it did nothing. */
export async function gitChangesOf(
  bench: Workbench,
  record: SessionRecord,
  changes: readonly Change[],
): Promise<GitReport | null> {
  if (!changes.some(belongsToGit)) return null;
  const { signal } = bench;
  const keeper = await bench.contentKeeper();
  await using base = openHostBase(record.project.path);
  const states = new Map(changes.map(({ path, after }) => [path, after]));
  const before: ReadFile = async (path, maxBytes) => {
    const bytes = await base.read(path, maxBytes + 1, signal);
    return bytes === null || bytes.length > maxBytes ? null : bytes;
  };
  const after: ReadFile = async (path, maxBytes) => {
    const state = states.get(path);
    if (state === undefined) return await before(path, maxBytes);
    if (state?.type !== "file" || state.size > maxBytes) return null;
    return await keeper.readFile({ session: record.id, layer: "workspace", path, maxBytes });
  };
  const repository = await repositoryPlace(bench, record.project.path);
  const history = repository === null ? nothing : hostHistory(gitRunner({ ...repository, signal }), repository.gitDir);
  return await describeGit({ changes, before, after, history, signal });
}
