import { readFile } from "node:fs/promises";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import { isObjectId } from "./refs.js";
import type { GitAnswer, GitCall, RunGit } from "./run-git.js";

/** A repository on the host that commits are to come to. */
export interface HostRepository {
  readonly gitDir: string;
  /** Its objects, also those of the repository that a work tree or a submodule belongs to. */
  readonly objects: string;
  readonly format: "sha1" | "sha256";
  /** Every commit that its refs and HEAD lead to. */
  readonly tips: readonly string[];
  readonly head: string | null;
  /** Where the history of a shallow clone is cut off, as its file has it; null: nowhere. */
  readonly shallow: Buffer | null;
}

const oldest = [2, 30] as const;
const asking = { maxBytes: 16 * 1024 * 1024, timeoutMs: 30_000 };
const maxTips = 50_000;

/** The first lines of what git said, safe to be shown. */
export function saidBy({ stderr }: GitAnswer): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  return escapeText(lines.slice(0, 5).join("; ").slice(0, 600));
}

/** Refuses a git that is too old for what is asked of it. */
export async function requireGit(run: RunGit): Promise<void> {
  const { stdout } = await run({ ...asking, gitDir: "/nonexistent", args: ["version"] });
  const version = stdout.toString("latin1").trim().slice(0, 100);
  const [, major, minor] = /^git version (\d+)\.(\d+)/.exec(version) ?? [];
  const [wantedMajor, wantedMinor] = oldest;
  const isNew = Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
  if (isNew) return;
  throw new AirlockError("E_GIT_UNUSABLE", `this machine's git is too old: ${escapeText(version)}`, {
    hint: `install git ${oldest.join(".")} or newer`,
  });
}

/** Calls git on the host's repository, and takes any failure for an unusable repository. */
async function ask(run: RunGit, call: Pick<GitCall, "gitDir" | "args">): Promise<string> {
  const answer = await run({ ...asking, ...call });
  if (answer.code === 0) return answer.stdout.toString("utf8");
  throw new AirlockError("E_GIT_UNUSABLE", `git cannot work in the project's repository: ${saidBy(answer)}`, {
    hint: "see what git status says there",
  });
}

/** Looks at the project's repository; a work tree's or a submodule's `.git` file is followed by git itself. */
export async function lookAtHost(run: RunGit, gitDir: string): Promise<HostRepository> {
  const wanted = ["--show-object-format", "--git-path", "objects", "--git-path", "shallow"];
  const [format, objects, shallow] = (await ask(run, { gitDir, args: ["rev-parse", ...wanted] })).split("\n");
  if ((format !== "sha1" && format !== "sha256") || objects === undefined || !objects.startsWith("/")) {
    throw new AirlockError(
      "E_GIT_UNUSABLE",
      `the project's repository is of a kind that is not known: ${escapeText(format ?? "")}`,
    );
  }
  const refs = await ask(run, { gitDir, args: ["for-each-ref", "--format=%(objectname)"] });
  const head = await run({ ...asking, gitDir, args: ["rev-parse", "--verify", "-q", "HEAD^{commit}"] });
  const headId = head.code === 0 ? head.stdout.toString("latin1").trim() : null;
  const tips = new Set([...(headId === null ? [] : [headId]), ...refs.split("\n")].filter(isObjectId));
  const cut = shallow?.startsWith("/") === true ? await readFile(shallow).catch(() => null) : null;
  return { gitDir, objects, format, head: headId, tips: [...tips].slice(0, maxTips), shallow: cut };
}
