import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { Change } from "../model/change.js";
import { canonicalNames, isInsideGit } from "../risk/canonical.js";
import { collisionReasons, deletionWarnings } from "../risk/whole-set.js";
import { readObjects } from "./batch.js";
import { commitBytes, parseCommit } from "./commit.js";
import type { HostRepository } from "./host-repository.js";
import { judgeEntries } from "./judge-entries.js";
import { type NeutralRepository, newSince } from "./neutral.js";
import { parseRawDiff, type RawEntry } from "./raw-diff.js";
import { isObjectId } from "./refs.js";
import type { GitCommit } from "./report.js";
import type { RunGit } from "./run-git.js";

/** Commits that passed the checks, as they are shown to the person who decides. */
export interface Incoming {
  readonly tip: string;
  /** Newest first. */
  readonly commits: readonly GitCommit[];
  /** What the tip changes against where it left the host's history, with the risk of each path. */
  readonly changes: readonly Change[];
  /** Of high risk, each a sentence. */
  readonly risks: readonly string[];
}

const maxCommits = 10_000;
const listing = { maxBytes: 64 * 1024 * 1024, timeoutMs: 120_000 };
const rawDiff = ["-r", "--raw", "-z", "--no-renames", "--no-abbrev"];
const emptyTrees = {
  sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  sha256: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
};

interface LookInput {
  readonly run: RunGit;
  readonly neutral: NeutralRepository;
  readonly host: HostRepository;
  /** Paths that the session never saw: to git inside, those that it tracks looked deleted. */
  readonly hidden: ReadonlySet<string>;
}

async function ask({ run, neutral }: LookInput, args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  const answer = await run({ ...listing, gitDir: neutral.gitDir, args, ...(input === undefined ? {} : { input }) });
  if (answer.code === 0) return answer.stdout;
  throw new AirlockError("E_GIT_REFUSED", `git ${args[0]} failed on what came, so nothing was brought over`);
}

const obeyed = new Set([".gitmodules", ".gitattributes", ".gitignore", ".mailmap"]);
const symlinkMode = 0o120000;
const gitlinkMode = 0o160000;

// `fsck` refuses most of this already; it is the reason why nothing else needs to be trusted to.
function refusalOf({ path, newMode }: RawEntry): string | null {
  if (newMode === 0) return null;
  const names = canonicalNames(path);
  if (/\p{Cc}/u.test(path)) return "has control characters in its name";
  if (isInsideGit(names)) return "is taken for git's own data";
  if (path.split("/").some((name) => name === "" || name === "." || name === "..")) return "leads out of its folder";
  if (newMode === symlinkMode && obeyed.has(names.at(-1) ?? "")) return "is a link where git reads settings";
  return null;
}

function refuse(entries: readonly RawEntry[]): void {
  const found = entries.flatMap((entry) => {
    const why = refusalOf(entry);
    return why === null ? [] : [`${displayPath(entry.path)} ${why}`];
  });
  if (found.length === 0) return;
  const more = found.length > 10 ? ` and ${found.length - 10} more` : "";
  throw new AirlockError(
    "E_GIT_REFUSED",
    `the commits hold what is not brought over: ${found.slice(0, 10).join("; ")}${more}`,
    {
      hint: "rewrite those commits in the session; what they change otherwise can be applied as files",
    },
  );
}

async function newCommits(input: LookInput): Promise<readonly string[]> {
  const lines = (
    await ask(input, ["rev-list", "--topo-order", "--stdin"], newSince(input.neutral.tip, input.host))
  ).toString("latin1");
  const ids = lines.split("\n").filter(isObjectId);
  if (ids.length <= maxCommits) return ids;
  throw new AirlockError(
    "E_GIT_REFUSED",
    `${ids.length} commits are more than are brought over at once (${maxCommits})`,
  );
}

async function describeCommits({ run, neutral }: LookInput, ids: readonly string[]): Promise<GitCommit[]> {
  const { gitDir } = neutral;
  const bodies = await readObjects({ run, gitDir, ids, largest: commitBytes, total: listing.maxBytes });
  return ids.map((id) => {
    const body = bodies.get(id);
    const { author, date, subject } = (body === undefined ? null : parseCommit(id, body)) ?? {
      author: "?",
      date: "",
      subject: "?",
    };
    return { id, author, date, subject };
  });
}

// Against the branch that is checked out on the host: what a merge there would bring.
async function leftAt({ run, neutral, host }: LookInput): Promise<string> {
  const nowhere = emptyTrees[host.format];
  if (host.head === null) return nowhere;
  const args = ["merge-base", host.head, neutral.tip];
  const { code, stdout } = await run({ ...listing, gitDir: neutral.gitDir, args });
  const id = stdout.toString("latin1").trim();
  return code === 0 && isObjectId(id) ? id : nowhere;
}

/** Looks at what came, commit by commit: what may never land is refused here, the rest is described. */
export async function lookAtIncoming(input: LookInput): Promise<Incoming> {
  const { run, neutral } = input;
  const ids = await newCommits(input);
  const each = ["diff-tree", "--stdin", "-c", "--root", "--no-commit-id", ...rawDiff];
  const seen = parseRawDiff(await ask(input, each, Buffer.from(ids.map((id) => `${id}\n`).join(""))));
  refuse(seen);
  const whole = parseRawDiff(await ask(input, ["diff-tree", ...rawDiff, await leftAt(input), neutral.tip]));
  const changes = await judgeEntries({ run, gitDir: neutral.gitDir, entries: whole });
  return {
    tip: neutral.tip,
    commits: await describeCommits(input, ids),
    changes,
    risks: risksOf(changes, seen, input.hidden),
  };
}

function risksOf(changes: readonly Change[], seen: readonly RawEntry[], hidden: ReadonlySet<string>): string[] {
  const modules = seen.filter(({ newMode }) => newMode === gitlinkMode);
  const high = changes.filter(({ risk }) => risk.level === "high");
  const unseen = changes.filter(({ path }) => hidden.has(path));
  return [
    ...new Set([
      ...unseen.map(({ path, kind }) => `${path} was hidden from the session, and is ${kind}`),
      ...modules.map(({ path, newId }) => `${path} is a submodule, now at ${newId}`),
      ...high.map(({ path, risk }) => `${path} ${risk.reasons[0] ?? ""}`),
      ...collisionReasons(changes).map(({ path, reason }) => `${path} ${reason}`),
      ...deletionWarnings(changes),
    ]),
  ];
}
