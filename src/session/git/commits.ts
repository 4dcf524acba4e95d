import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AirlockError } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { takeLock } from "../../base/file-lock.js";
import { type HostRepository, lookAtHost, requireGit } from "../../git/host-repository.js";
import { type Incoming, lookAtIncoming } from "../../git/incoming.js";
import { landCommits } from "../../git/land.js";
import { bundleBytes, receiveBundle } from "../../git/neutral.js";
import { isRefName } from "../../git/refs.js";
import { gitRunner, type RunGit } from "../../git/run-git.js";
import type { SessionRecord } from "../../model/session.js";
import { sessionFolder } from "../home.js";
import { pauseSandbox } from "../sandbox/pause.js";
import { lockSession, requireLiveSession } from "../store.js";
import type { Workbench } from "../workbench.js";
import { type BundleWish, writeBundle } from "./bundle.js";
import { repositoryPlace } from "./git-changes.js";

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
  if (branch === undefined || branch === "HEAD") return "HEAD";
  const ref = `refs/heads/${branch.replace(/^refs\/heads\//, "")}`;
  if (isRefName(ref)) return ref;
  throw new AirlockError("E_USAGE", `${JSON.stringify(branch)} cannot be the name of a branch`);
}

const waitMs = 30_000;

/** The folder of a transfer, one at a time for each session; what a killed command left in it goes. */
async function openFolder(bench: Workbench, session: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = join(sessionFolder(bench.home, session), "transfer");
  const lock = await takeLock(`${path}.lock`, { waitMs, signal: bench.signal });
  if (lock === null) throw new AirlockError("E_SESSION_BUSY", `another command brings over commits of ${session}`);
  const close = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true });
    await lock[Symbol.asyncDispose]();
  };
  try {
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { mode: 0o700 });
    return { path, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Has the bundle made while the session is held still: what is looked at afterwards is what lands. */
async function makeBundle(bench: Workbench, id: string, wish: Omit<BundleWish, "record">): Promise<void> {
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await requireLiveSession(bench.home, id);
  await using _still = await pauseSandbox(bench, record);
  await writeBundle(bench, { record, ...wish });
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
  const record = await requireLiveSession(bench.home, id);
  const ref = refOf(wish.branch);
  const place = await openPlace(bench, record.project.path);
  await using folder = await openFolder(bench, id);
  const { run, host } = place;
  const bundle = join(folder.path, "bundle");
  await makeBundle(bench, id, { ref, known: host.tips, file: bundle, maxBytes: bundleBytes });
  const neutral = await receiveBundle({ run, host, folder: folder.path, bundle, ref });
  const hidden = new Set(record.hidden.map(({ path }) => path));
  const incoming = await lookAtIncoming({ run, neutral, host, hidden });
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
