import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import { projectRules } from "./path-rules.js";
import { indexPlaces, isWithin, type Located, locate, type ProtectedPlaces } from "./places.js";
import { faultOfText, reasonOf, resolvePath } from "./resolve-path.js";

/** A project folder that may be used, with the identity it had when it was checked. */
export interface ProjectFolder {
  /** Absolute, every symbolic link resolved. */
  readonly path: string;
  /** Decimal strings: they do not fit a double. */
  readonly device: string;
  readonly inode: string;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  readonly mtimeNs: string;
}

const hint = "name the project's folder with --project";

function unusable(path: string, why: string, cause?: unknown): AirlockError {
  return new AirlockError("E_PROJECT_UNUSABLE", `the project ${displayPath(path)} cannot be used: ${why}`, {
    hint,
    cause,
  });
}

/** Resolves a project folder and refuses what must never become one: credentials, system folders, Airlock's own state. */
export async function checkProject(
  path: string,
  places: ProtectedPlaces,
  rules = projectRules,
): Promise<ProjectFolder> {
  const fault = faultOfText(path);
  if (fault !== undefined) throw unusable(path, fault);
  const resolved = await resolvePath(path, { code: "E_PROJECT_UNUSABLE", hint, homedir: places.homedir });
  const subject = { ...locateProject(resolved), places: indexPlaces(resolved, places) };
  const broken = rules.find((rule) => rule.matches(subject));
  if (broken !== undefined) {
    throw new AirlockError("E_MOUNT_REFUSED", `${displayPath(resolved)} cannot be a project: ${broken.why}`, {
      hint: broken.hint,
    });
  }
  return describeFolder(resolved);
}

function locateProject(path: string): Located {
  try {
    return locate(path);
  } catch (error) {
    throw unusable(path, reasonOf(error), error);
  }
}

// Opening `.` in it needs the right to list it and the right to enter it.
async function describeFolder(path: string): Promise<ProjectFolder> {
  try {
    const before = await lstat(path, { bigint: true });
    await using folder = await open(`${path}/.`, constants.O_RDONLY | constants.O_DIRECTORY);
    const found = await folder.stat({ bigint: true });
    if (found.dev !== before.dev || found.ino !== before.ino) {
      throw new AirlockError("E_BASE_CHANGED", `${displayPath(path)} was replaced while it was being checked`, {
        hint: "run the command again",
      });
    }
    return {
      path,
      device: String(found.dev),
      inode: String(found.ino),
      uid: Number(found.uid),
      gid: Number(found.gid),
      mode: Number(found.mode) & 0o7777,
      mtimeNs: String(found.mtimeNs),
    };
  } catch (error) {
    throw error instanceof AirlockError ? error : unusable(path, reasonOf(error), error);
  }
}

/** First components that are the image's own; a mount there would hide what programs need. */
export const imageFolders: ReadonlySet<string> = new Set(
  "bin boot dev etc lib lib32 lib64 libx32 proc run sbin sys usr var airlock".split(" "),
);

/** Where the sandbox's home is mounted. */
export const agentHome = "/home/agent";

/** Where the project appears inside: its own path, or `/workspace` where that would hide a part of the image. */
export function workspaceTarget(projectPath: string): string {
  const first = projectPath.split("/")[1] ?? "";
  const taken = first === "" || imageFolders.has(first) || projectPath === "/tmp";
  const reserved = [agentHome, "/mnt/airlock"];
  const nested = reserved.some((each) => isWithin(projectPath, each) || isWithin(each, projectPath));
  return taken || nested ? "/workspace" : projectPath;
}
