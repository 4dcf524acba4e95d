import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import { AirlockError, messageOf } from "../base/errors.js";
import { spawnLines } from "./spawn-lines.js";
import type { ContextFile } from "./tar-stream.js";

const integrity = z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/);
/** A package of npm's, with the hash of its archive. */
export const lockedPackage = z.strictObject({ package: z.string(), integrity });
const lockSchema = z.strictObject({
  node: z.strictObject({ version: z.string(), amd64: lockedPackage, arm64: lockedPackage }),
  npm: z.strictObject({ package: z.string(), version: z.string(), integrity }),
});

interface Fetching {
  /** An empty folder for the downloads. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** A package by its name and version, held against a hash. */
export interface WantedPackage {
  /** Its name in the build context. */
  readonly file: string;
  readonly spec: string;
  readonly integrity: string;
}

function wantedPackages(packageRoot: string, architecture: "amd64" | "arm64"): WantedPackage[] {
  const { node, npm } = lockSchema.parse(
    JSON.parse(readFileSync(join(packageRoot, "images/sandbox/node.lock.json"), "utf8")),
  );
  const binary = node[architecture];
  return [
    { file: "node.tgz", spec: `${binary.package}@${node.version}`, integrity: binary.integrity },
    { file: "npm.tgz", spec: `${npm.package}@${npm.version}`, integrity: npm.integrity },
  ];
}

/** The sha512 of a file in the form that npm's lock files use. */
export async function integrityOf(path: string): Promise<string> {
  const hash = createHash("sha512");
  await pipeline(createReadStream(path), hash);
  return `sha512-${hash.digest("base64")}`;
}

async function pack(specs: readonly string[], { folder, env, signal }: Fetching): Promise<void> {
  const problems: string[] = [];
  const { stdout, ended } = spawnLines("npm", ["pack", "--silent", "--pack-destination", folder, ...specs], {
    cwd: folder,
    env,
    signal,
    onLine: (line) => void problems.push(line),
  });
  const [code] = await Promise.all([ended, text(stdout)]).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new AirlockError("E_IMAGE_BUILD", `npm cannot be started: ${messageOf(cause)}`, {
      hint: "install Node.js with npm: the image's own Node comes from npm packages",
      cause,
    });
  });
  if (code === 0) return;
  throw new AirlockError("E_IMAGE_BUILD", `npm pack ${specs.join(" ")} failed: ${problems.slice(-5).join("; ")}`, {
    hint: "check that npm reaches its registry: npm ping",
  });
}

/**
 * Fetches packages by the user's own npm client (so through their registry and proxy settings) and holds what came
 * against the lock file: a registry that serves something else does not get it into the image.
 */
export async function fetchPackages(wanted: readonly WantedPackage[], fetching: Fetching): Promise<ContextFile[]> {
  await pack(
    wanted.map(({ spec }) => spec),
    fetching,
  );
  const byIntegrity = new Map<string, string>();
  for (const name of await readdir(fetching.folder)) {
    const path = join(fetching.folder, name);
    byIntegrity.set(await integrityOf(path), path);
  }
  const files: ContextFile[] = [];
  for (const { file, spec, integrity: expected } of wanted) {
    const path = byIntegrity.get(expected);
    if (path === undefined) {
      throw new AirlockError("E_IMAGE_BUILD", `what the registry served as ${spec} is not what the lock file names`, {
        hint: "the registry or a proxy in between changed the package; do not use it",
      });
    }
    files.push({ name: file, executable: false, content: { path, size: (await stat(path)).size } });
  }
  return files;
}

/** Fetches the image's own Node and npm, as `node.lock.json` names them. */
export async function fetchNodePackages({
  packageRoot,
  architecture,
  ...fetching
}: Fetching & { readonly packageRoot: string; readonly architecture: "amd64" | "arm64" }): Promise<ContextFile[]> {
  return await fetchPackages(wantedPackages(packageRoot, architecture), fetching);
}
