import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import { type HostRepository, lookAtHost, requireGit } from "../git/host-repository.js";
import { type Incoming, lookAtIncoming } from "../git/incoming.js";
import { landCommits } from "../git/land.js";
import { bundleBytes, type NeutralRepository, receiveBundle } from "../git/neutral.js";
import { isRefName } from "../git/refs.js";
import { gitRunner, type RunGit } from "../git/run-git.js";
import type { SessionRecord } from "../model/session.js";
import { writeBundle } from "./bundle.js";
import { repositoryPlace } from "./git-changes.js";
import { sessionFolder } from "./home.js";
import { pauseSandbox } from "./pause.js";
import { lockSession, requireLiveSession } from "./store.js";
import type { Workbench } from "./workbench.js";

/** How commits are to be brought over. */
interface CommitsWish {
  /** The session's branch; by default what is checked out there. */
  readonly branch?: string | undefined;
  /** Replace an earlier `airlock/<session>` although it is not part of what comes. */
  readonly force?: boolean;
  /** Asked with what came, before the project sees any of it; false: nothing is brought over. */
  readonly confirm?: (incoming: Incoming) => Promise<boolean>;
}

/** What was brought over. */
export interface BroughtCommits extends Incoming {
  /** The host's branch. */
  readonly branch: string;
  /** False when it was declined. */
  readonly landed: boolean;
}

interface Place {
  /** git as ourselves. */
  readonly run: RunGit;
  /** git as the project's owner. */
  readonly runInProject: RunGit;
  readonly host: HostRepository;
}

async function openPlace(bench: Workbench, project: string): Promise<Place> {
  if (/[\udc80-\udcff]/.test(project)) {
    throw new AirlockError("E_GIT_UNUSABLE", "git cannot be told the project's path: it is not valid UTF-8");
  }
  const place = await repositoryPlace(bench, project);
  if (place === null) {
    throw new AirlockError("E_GIT_UNUSABLE", `${displayPath(project)} is no git repository of yours on the host`, {
      hint: "commits can be brought to a repository only: git init there, or apply the files",
    });
  }
  const { signal } = bench;
  const run = gitRunner({ path: place.path, as: null, signal });
  const runInProject = gitRunner({ path: place.path, as: place.as, signal });
  await requireGit(run);
  return { run, runInProject, host: await lookAtHost(runInProject, place.gitDir) };
}

function refOf(branch: string | undefined): string {
  if (branch === undefined) return "HEAD";
  const ref = `refs/heads/${branch.replace(/^refs\/heads\//, "")}`;
  if (isRefName(ref)) return ref;
  throw new AirlockError("E_USAGE", `${JSON.stringify(branch)} cannot be the name of a branch`);
}

const folderPrefix = "commits.";

/** A folder for one transfer. Those that a killed command left are removed: the caller holds the session's lock. */
async function openFolder(bench: Workbench, session: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const parent = join(sessionFolder(bench.home, session), "transfer");
  await mkdir(parent, { recursive: true, mode: 0o700 });
  for (const name of await readdir(parent)) await rm(join(parent, name), { recursive: true, force: true });
  const path = await mkdtemp(join(parent, folderPrefix));
  return { path, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) };
}

async function receive(
  bench: Workbench,
  record: SessionRecord,
  { run, host }: Place,
  wish: { readonly ref: string; readonly folder: string },
): Promise<NeutralRepository> {
  const { ref, folder } = wish;
  const bundle = join(folder, "bundle");
  {
    // What is looked at is what lands: one bundle, of one moment.
    await using _still = await pauseSandbox(bench, record);
    await writeBundle(bench, { record, ref, known: host.tips, file: bundle, maxBytes: bundleBytes });
  }
  return await receiveBundle({ run, host, folder, bundle, ref });
}

/**
 * Brings commits made in a session to the branch `airlock/<session>` of the project: bundled by git in a sandbox of its own,
 * checked in a neutral repository, shown, and landed as objects and one ref. Ids, authors and dates stay as they are.
 */
export async function bringCommits(
  bench: Workbench,
  { id }: Pick<SessionRecord, "id">,
  wish: CommitsWish = {},
): Promise<BroughtCommits> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await requireLiveSession(bench.home, id);
  const ref = refOf(wish.branch);
  const place = await openPlace(bench, record.project.path);
  await using folder = await openFolder(bench, id);
  const neutral = await receive(bench, record, place, { ref, folder: folder.path });
  const { run, host } = place;
  const incoming = await lookAtIncoming({ run, neutral, host });
  const branch = `airlock/${id}`;
  const wanted = wish.confirm === undefined || (await wish.confirm(incoming));
  if (!wanted) return { ...incoming, branch, landed: false };
  const journal = bench.recorder(id);
  const data = { branch, ref, tip: incoming.tip, commits: incoming.commits.length };
  await journal({ kind: "commits.begin", data: { ...data, risks: incoming.risks.length, force: wish.force === true } });
  const landing = { ...place, neutral, folder: folder.path, branch, session: id, force: wish.force === true };
  await landCommits(landing);
  await journal({ kind: "commits.landed", data });
  return { ...incoming, branch, landed: true };
}
