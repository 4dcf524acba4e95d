import { createReadStream } from "node:fs";
import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { type HostRepository, saidBy } from "./host-repository.js";
import { type NeutralRepository, newSince } from "./neutral.js";
import { isObjectId, isRefName } from "./refs.js";
import type { GitAnswer, RunGit } from "./run-git.js";

const working = { maxBytes: 16 * 1024 * 1024, timeoutMs: 300_000 };

interface LandInput {
  /** git as ourselves, for the neutral repository. */
  readonly run: RunGit;
  /** git as the project's owner. */
  readonly runInProject: RunGit;
  readonly neutral: NeutralRepository;
  readonly host: HostRepository;
  /** A folder of ours. */
  readonly folder: string;
  /** The branch, without `refs/heads/`. */
  readonly branch: string;
  readonly session: string;
  /** Replace what the branch holds although it is not part of what comes. */
  readonly force: boolean;
}

function failed(what: string, answer: GitAnswer): AirlockError {
  return new AirlockError("E_GIT_REFUSED", `${what}: ${saidBy(answer)}`);
}

async function refuseCheckedOut({ runInProject, host }: LandInput, ref: string, branch: string): Promise<void> {
  const answer = await runInProject({ ...working, gitDir: host.gitDir, args: ["worktree", "list", "--porcelain"] });
  if (answer.code !== 0) throw failed("git cannot list the work trees", answer);
  if (!answer.stdout.toString("utf8").split("\n").includes(`branch ${ref}`)) return;
  throw new AirlockError("E_GIT_REFUSED", `${branch} is checked out, and a branch is never moved under a work tree`, {
    hint: "switch to another branch first",
  });
}

/** What the branch holds now; null: there is none. */
async function currentTip({ runInProject, host }: LandInput, ref: string): Promise<string | null> {
  const args = ["rev-parse", "--verify", "-q", ref];
  const { stdout } = await runInProject({ ...working, gitDir: host.gitDir, args });
  const id = stdout.toString("latin1").trim();
  return isObjectId(id) ? id : null;
}

async function refuseLoss(input: LandInput, current: string | null): Promise<void> {
  const { run, neutral, branch, force } = input;
  if (current === null || current === neutral.tip || force) return;
  const args = ["merge-base", "--is-ancestor", current, neutral.tip];
  const { code } = await run({ ...working, gitDir: neutral.gitDir, args });
  if (code === 0) return;
  throw new AirlockError("E_GIT_REFUSED", `${branch} holds commits that are not among those that come`, {
    hint: `keep them first: git branch NAME ${branch}; then repeat with --force`,
  });
}

// Only what the tip leads to is packed anew: whatever else the bundle carried stays in the neutral repository.
async function moveObjects({ run, runInProject, neutral, host, folder }: LandInput): Promise<void> {
  const packing = await run({
    ...working,
    gitDir: neutral.gitDir,
    args: ["pack-objects", "-q", "--revs", join(folder, "landing")],
    input: newSince(neutral.tip, host),
  });
  if (packing.code !== 0) throw failed("the commits cannot be packed", packing);
  const name = packing.stdout.toString("latin1").trim();
  if (!/^[0-9a-f]{40,64}$/.test(name)) throw new AirlockError("E_GIT_REFUSED", "the commits cannot be packed");
  const answer = await runInProject({
    ...working,
    gitDir: host.gitDir,
    args: ["index-pack", "--stdin", "--fix-thin", "--strict"],
    input: createReadStream(join(folder, `landing-${name}.pack`)),
  });
  if (answer.code !== 0) throw failed("the project's repository does not take the commits", answer);
}

/**
 * Brings checked commits into the project's repository, as objects and then as one branch, which must still hold what it held
 * when it was looked at. No fetch: nothing of the repository's remotes, filters, hooks or submodules has a part in it.
 */
export async function landCommits(input: LandInput): Promise<void> {
  const { runInProject, neutral, host, branch, session } = input;
  const ref = `refs/heads/${branch}`;
  if (!isRefName(ref)) throw new AirlockError("E_USAGE", `${JSON.stringify(branch)} cannot be the name of a branch`);
  await refuseCheckedOut(input, ref, branch);
  const current = await currentTip(input, ref);
  if (current === neutral.tip) return;
  await refuseLoss(input, current);
  await moveObjects(input);
  const old = current ?? "0".repeat(neutral.tip.length);
  const args = ["update-ref", "--no-deref", "-m", `airlock: commits of session ${session}`, ref, neutral.tip, old];
  const answer = await runInProject({ ...working, gitDir: host.gitDir, args });
  if (answer.code !== 0) throw failed(`${branch} cannot be set`, answer);
}
