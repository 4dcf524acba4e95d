import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { AirlockError, isAirlockError, messageOf } from "../base/errors.js";
import type { Engine } from "../model/engine.js";
import type { BuildProgress } from "./progress.js";
import { spawnLines } from "./spawn-lines.js";

const suite = "bookworm";

/** What making an image needs. */
export interface ImageWork {
  readonly engine: Engine;
  /** Folder of the checkout or of the installed package: images/, init/ and keeper/ lie in it. */
  readonly packageRoot: string;
  /** The hash that the build put into the bundle. */
  readonly hash: string;
  /** Environment of the programs that are started (npm, mmdebstrap). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly progress: BuildProgress;
}

// The base that the Dockerfile names by digest.
function pinnedBase(packageRoot: string): string {
  const dockerfile = readFileSync(join(packageRoot, "images/sandbox/Dockerfile"), "utf8");
  const base = /^ARG BASE=(\S+@sha256:[0-9a-f]{64})$/m.exec(dockerfile)?.[1];
  if (base === undefined) throw new AirlockError("E_INTERNAL", "images/sandbox/Dockerfile pins no base image");
  return base;
}

/** The tag of the base made here from Debian packages; another list of packages makes another tag. */
export function localBaseTag(packageRoot: string): string {
  const hash = createHash("sha256").update(suite);
  for (const file of ["images/sandbox/packages.txt", "images/base/make-rootfs"]) {
    hash.update(readFileSync(join(packageRoot, file)));
  }
  return `airlock/base:${hash.digest("hex").slice(0, 12)}`;
}

async function pullBase({ engine, signal, progress }: ImageWork, reference: string): Promise<string | null> {
  progress.step(`pulling ${reference}`);
  try {
    await engine.pullImage(reference, (line) => progress.detail(line), signal);
    return reference;
  } catch (error) {
    if (signal.aborted || isAirlockError(error, "E_CANCELLED") || isAirlockError(error, "E_ENGINE_LOST")) throw error;
    progress.note(`${reference.replace(/@.*/, "")} cannot be pulled: ${messageOf(error)}`);
    return null;
  }
}

async function refuseOtherArchitecture(engine: Engine): Promise<void> {
  const { architecture } = await engine.facts();
  const own = arch() === "x64" ? "amd64" : arch();
  if (architecture === own) return;
  throw new AirlockError("E_IMAGE_MISSING", `a base for ${architecture} cannot be made on this ${own} machine`, {
    hint: "give the engine access to the registry, or build on a machine of its own kind",
  });
}

// Nothing is written to disk here: the tar goes straight into the engine.
async function makeBase({ engine, packageRoot, env, signal, progress }: ImageWork): Promise<string> {
  await refuseOtherArchitecture(engine);
  const tag = localBaseTag(packageRoot);
  progress.step(`making the base image from Debian packages (${suite}), about a minute`);
  const script = join(packageRoot, "images/base/make-rootfs");
  const lastLines: string[] = [];
  const { stdout, ended } = spawnLines("sh", [script, suite, join(packageRoot, "images/sandbox/packages.txt")], {
    env,
    signal,
    onLine: (line) => {
      lastLines.push(line);
      if (lastLines.length > 6) lastLines.shift();
      progress.detail(line);
    },
  });
  const importing = engine.importImage(stdout, tag, { "airlock.role": "image" });
  const [made, imported] = await Promise.allSettled([ended, importing]);
  if (made.status === "fulfilled" && made.value === 0 && imported.status === "fulfilled") return tag;
  // A script that was cut short can leave a well-formed but incomplete tar, which the engine takes.
  await engine.removeImage(tag);
  signal.throwIfAborted();
  if (made.status === "fulfilled" && made.value === 0 && imported.status === "rejected") throw imported.reason;
  throw new AirlockError("E_IMAGE_MISSING", `the base image could not be made: ${lastLines.join("; ")}`, {
    hint: "give the engine access to the registry, or install mmdebstrap and make its Debian mirror reachable",
    cause: made.status === "rejected" ? made.reason : undefined,
  });
}

/** A base image that is on the engine: the pinned one, one made here before, the pinned one pulled, or one made now. */
export async function ensureBaseImage(work: ImageWork): Promise<string> {
  const pinned = pinnedBase(work.packageRoot);
  for (const reference of [pinned, localBaseTag(work.packageRoot)]) {
    if ((await work.engine.inspectImage(reference)) !== null) return reference;
  }
  return (await pullBase(work, pinned)) ?? makeBase(work);
}
