import { type BigIntStats, constants, lstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { ApprovedPath, PathMode } from "../model/session.js";
import { type PathKind, type PathRule, type PathSubject, pathRules } from "./path-rules.js";
import { indexPlaces, locate, type ProtectedPlaces } from "./places.js";
import { absoluteForm, faultOfText, reasonOf, resolvePath } from "./resolve-path.js";
import { type TargetSubject, targetRules } from "./target-rules.js";

/** A path as the user or a configuration asks for it. */
export interface PathRequest {
  readonly host: string;
  readonly mode: PathMode;
  readonly target?: string | undefined;
}

export interface PathContext {
  readonly places: ProtectedPlaces;
  readonly cwd: string;
  /** The project's resolved path, and its place inside. */
  readonly project: string;
  readonly workspace: string;
  readonly allowRw: boolean;
  /** What was approved for the session before this one. */
  readonly approved: readonly ApprovedPath[];
  readonly index: number;
}

interface RuleTables {
  readonly paths: readonly PathRule<PathSubject>[];
  readonly targets: readonly PathRule<TargetSubject>[];
}

const allRules: RuleTables = { paths: pathRules, targets: targetRules };
const notThereHint = "give a file or folder that exists";

function refuse(what: string, why: string, hint: string, cause?: unknown): AirlockError {
  return new AirlockError("E_MOUNT_REFUSED", `${what} is refused: ${why}`, { hint, cause });
}

function describe(host: string, resolved: string): string {
  const plain = host === resolved ? "" : ` (which is ${displayPath(resolved)})`;
  return `the path ${displayPath(host)}${plain}`;
}

/**
 * Decides on one path that is to enter a sandbox. Everything is resolved first, then held against every rule; what comes out
 * carries the identity of what was looked at, so that a swap before the mount is noticed.
 */
export async function approvePath(
  request: PathRequest,
  context: PathContext,
  rules: RuleTables = allRules,
): Promise<ApprovedPath> {
  const { host, mode } = request;
  const fault = faultOfText(host);
  if (fault !== undefined) throw refuse(`the path ${displayPath(host)}`, fault, notThereHint);
  const absolute = absoluteForm(host, { cwd: context.cwd, homedir: context.places.homedir });
  const { homedir } = context.places;
  const path = await resolvePath(absolute, { code: "E_MOUNT_REFUSED", hint: notThereHint, homedir });
  const what = describe(host, path);
  const before = lookAt(path, what);
  const subject: PathSubject = {
    ...before.located,
    kind: before.kind,
    mode,
    places: indexPlaces(path, context.places),
    project: context.project,
    allowRw: context.allowRw,
    approved: context.approved,
  };
  const broken = rules.paths.find((rule) => rule.matches(subject));
  if (broken !== undefined) throw refuse(what, broken.why, broken.hint);
  return {
    hostPath: path,
    target: chooseTarget(path, request.target, context, rules.targets),
    mode,
    ...(await identify(path, before.stats, what)),
  };
}

function lookAt(path: string, what: string) {
  try {
    const stats = lstatSync(path, { bigint: true });
    return { stats, kind: kindOf(stats), located: locate(path) };
  } catch (error) {
    throw refuse(what, reasonOf(error), notThereHint, error);
  }
}

function kindOf(stats: BigIntStats): PathKind {
  if (stats.isDirectory()) return "folder";
  return stats.isFile() ? "file" : "special";
}

// The identity comes from an opened handle and must be that of what the rules saw: a swap in between is refused. O_NONBLOCK,
// so that a pipe put there meanwhile cannot hold us up.
async function identify(
  path: string,
  before: BigIntStats,
  what: string,
): Promise<Pick<ApprovedPath, "kind" | "device" | "inode">> {
  try {
    await using handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const now = await handle.stat({ bigint: true });
    if (now.dev !== before.dev || now.ino !== before.ino || now.mode !== before.mode) {
      throw refuse(what, "it was replaced while it was being checked", "run the command again");
    }
    return { kind: now.isDirectory() ? "folder" : "file", device: String(now.dev), inode: String(now.ino) };
  } catch (error) {
    throw error instanceof AirlockError ? error : refuse(what, reasonOf(error), notThereHint, error);
  }
}

function chooseTarget(
  path: string,
  wanted: string | undefined,
  { workspace, approved, index }: PathContext,
  rules: RuleTables["targets"],
): string {
  const taken = approved.map(({ target }) => target);
  const brokenBy = (target: string) => rules.find((rule) => rule.matches({ target, workspace, taken }));
  if (wanted === undefined) {
    const own = [path, ...Array.from({ length: 100 }, (_, more) => `/mnt/airlock/${index + more}`)];
    return own.find((each) => brokenBy(each) === undefined) ?? `/mnt/airlock/${index}`;
  }
  const broken = brokenBy(wanted);
  if (broken !== undefined) throw refuse(`the target ${displayPath(wanted)}`, broken.why, broken.hint);
  return wanted;
}

const modes: readonly PathMode[] = ["ro", "cow", "rw"];

/** Reads `--path HOST[:ro|:cow|:rw]`. Only a last part that is a mode counts as one, so host paths may hold colons. */
export function parsePathFlag(text: string): { host: string; mode: PathMode } {
  const at = text.lastIndexOf(":");
  const mode = modes.find((each) => at !== -1 && each === text.slice(at + 1));
  return mode === undefined ? { host: text, mode: "ro" } : { host: text.slice(0, at), mode };
}
