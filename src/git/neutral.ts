import { createReadStream } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { headerBytes, parseBundleHeader } from "./bundle-header.js";
import { type HostRepository, saidBy } from "./host-repository.js";
import type { GitAnswer, GitCall, RunGit } from "./run-git.js";

/** The largest bundle that is taken. */
export const bundleBytes = 1024 * 1024 * 1024;
const working = { maxBytes: 16 * 1024 * 1024, timeoutMs: 300_000 };

/** A bare repository of our own, in which what came is looked at before the project sees any of it. */
export interface NeutralRepository {
  readonly gitDir: string;
  readonly tip: string;
}

interface ReceiveInput {
  readonly run: RunGit;
  readonly host: HostRepository;
  /** An empty folder of ours. */
  readonly folder: string;
  readonly bundle: string;
  /** What was asked for: `HEAD` or a branch. */
  readonly ref: string;
}

function refused(what: string, answer: GitAnswer): AirlockError {
  return new AirlockError("E_GIT_REFUSED", `${what}: ${saidBy(answer)}`, {
    hint: "nothing was brought over; the commits are still in the session",
  });
}

async function must(run: RunGit, what: string, call: Omit<GitCall, "maxBytes" | "timeoutMs">): Promise<Buffer> {
  const answer = await run({ ...working, ...call });
  if (answer.code !== 0) throw refused(what, answer);
  return answer.stdout;
}

// A path in an alternates file is quoted as in C where it holds what would end or comment the line.
function alternateLine(path: string): string {
  return /^["#]|[\n\\]/.test(path) ? `${JSON.stringify(path)}\n` : `${path}\n`;
}

async function readStart(file: string): Promise<Buffer> {
  await using handle = await open(file, "r");
  const start = Buffer.alloc(headerBytes);
  const { bytesRead } = await handle.read(start, 0, headerBytes, 0);
  return start.subarray(0, bytesRead);
}

/** Lines for `--stdin`: what leads to the tip and is not on the host yet. */
export function newSince(tip: string, { tips }: HostRepository): Buffer {
  return Buffer.from([tip, ...tips.map((id) => `^${id}`)].join("\n").concat("\n"));
}

/**
 * Takes a bundle in: into a repository without configuration, hooks and templates, with the host's objects beside it. Each
 * object is checked as `fsck --strict` does and hashed, and everything that the tip leads to must be there.
 */
export async function receiveBundle({ run, host, folder, bundle, ref }: ReceiveInput): Promise<NeutralRepository> {
  const { tip, packOffset } = parseBundleHeader(await readStart(bundle), ref);
  const gitDir = join(folder, "neutral.git");
  if (tip.length !== (host.format === "sha1" ? 40 : 64)) {
    throw new AirlockError("E_GIT_REFUSED", "the session's repository has object ids of another kind than the host's");
  }
  const making = ["init", "-q", "--bare", "--template=", `--object-format=${host.format}`, gitDir];
  await must(run, "the neutral repository cannot be made", { gitDir, args: making });
  await writeFile(join(gitDir, "objects/info/alternates"), alternateLine(host.objects));
  if (host.shallow !== null) await writeFile(join(gitDir, "shallow"), host.shallow);
  await must(run, "what came is not sound", {
    gitDir,
    args: ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${bundleBytes}`],
    input: createReadStream(bundle, { start: packOffset }),
  });
  await must(run, "what came is not complete", {
    gitDir,
    args: ["rev-list", "--objects", "--quiet", "--stdin"],
    input: newSince(tip, host),
  });
  await must(run, "the tip is no commit", { gitDir, args: ["rev-parse", "-q", "--verify", `${tip}^{commit}`] });
  return { gitDir, tip };
}
