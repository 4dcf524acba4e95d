import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import { AirlockError, messageOf } from "../base/errors.js";
import type { AgentProfile } from "../model/agent.js";
import type { Engine } from "../model/engine.js";
import { fetchPackages, lockedPackage } from "./node-packages.js";
import type { BuildProgress } from "./progress.js";
import { temporaryFolder } from "./sandbox-image.js";
import { type ContextFile, tarStream } from "./tar-stream.js";

const lockSchema = z.record(
  z.string(),
  z.strictObject({ version: z.string(), amd64: lockedPackage, arm64: lockedPackage }),
);

/** Everything that building an agent's image takes. */
export interface AgentImageWork {
  readonly engine: Engine;
  readonly packageRoot: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly progress: BuildProgress;
  /** The sandbox image, which is there. */
  readonly base: string;
  /** Whose archive is not another one's: the state folder's id. */
  readonly home: string;
}

/** An archive that the user has, and the SHA-256 (hex) that its vendor names; null: it is taken as it is. */
export interface GivenArchive {
  readonly path: string;
  readonly sha256: string | null;
}

const dockerfileOf = (packageRoot: string): Buffer => readFileSync(join(packageRoot, "images/agents/Dockerfile"));

function locked(packageRoot: string, { name }: AgentProfile): z.infer<typeof lockSchema>[string] {
  const lock = lockSchema.parse(JSON.parse(readFileSync(join(packageRoot, "images/agents/agents.lock.json"), "utf8")));
  const found = lock[name];
  if (found === undefined) throw new AirlockError("E_INTERNAL", `the lock file of agents does not name ${name}`);
  return found;
}

/** The version that is installed; null: whichever the user's archive holds. */
export function agentVersion(packageRoot: string, profile: AgentProfile): string | null {
  return profile.install.kind === "npm" ? locked(packageRoot, profile).version : null;
}

const linksOf = ({ install }: AgentProfile): string =>
  install.kind === "image" ? "" : install.programs.map(({ name, path }) => `${name}=${path}`).join(" ");

/**
 * An agent's image: the user's own, or the tag of ours, which is another one when the sandbox image, the agent's version or
 * the way it is installed is. What is built of a user's own archive belongs to their state folder; a new one is built in the place of the old.
 */
export function agentImageTag(
  { packageRoot, base, home }: Pick<AgentImageWork, "packageRoot" | "base" | "home">,
  profile: AgentProfile,
): string {
  if (profile.install.kind === "image") return profile.install.image;
  const hash = createHash("sha256");
  const what = profile.install.kind === "npm" ? locked(packageRoot, profile) : `given to ${home}`;
  hash.update(JSON.stringify([base, what, linksOf(profile)])).update(dockerfileOf(packageRoot));
  return `airlock/agent-${profile.name}:${hash.digest("hex").slice(0, 12)}`;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function givenArchive({ path, sha256 }: GivenArchive): Promise<ContextFile> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new AirlockError("E_USAGE", `the archive cannot be read: ${messageOf(cause)}`, { cause });
  });
  if (sha256 !== null && (await sha256Of(path)) !== sha256.toLowerCase()) {
    throw new AirlockError("E_IMAGE_BUILD", "the archive is not the one with that SHA-256", {
      hint: "download it again, and compare with what its vendor says",
    });
  }
  return { name: "agent.tgz", executable: false, content: { path, size } };
}

async function fetchAgent(work: AgentImageWork, profile: AgentProfile, folder: string): Promise<ContextFile> {
  const { engine, packageRoot, env, signal, progress } = work;
  const { architecture } = await engine.facts();
  const { version, [architecture]: wanted } = locked(packageRoot, profile);
  progress.step(`fetching ${profile.title} ${version}`);
  const { package: spec, integrity } = wanted;
  const [file] = await fetchPackages([{ file: "agent.tgz", spec, integrity }], { folder, env, signal });
  if (file === undefined) throw new AirlockError("E_INTERNAL", `npm gave nothing for ${spec}`);
  return file;
}

/** Builds an agent's image through the engine; resolves to its tag. Throws `E_USAGE` where the user must bring the archive. */
export async function buildAgentImage(
  work: AgentImageWork,
  profile: AgentProfile,
  given: GivenArchive | null,
): Promise<string> {
  const { engine, packageRoot, base, signal, progress } = work;
  await using downloads = await temporaryFolder();
  if (profile.install.kind === "image") {
    throw new AirlockError("E_USAGE", `${profile.name} is in the image ${profile.install.image} already`);
  }
  if (given === null && profile.install.kind === "archive") {
    throw new AirlockError("E_USAGE", `${profile.title} comes from its vendor alone`, {
      hint: `download the archive for Linux (${profile.install.page}), then: airlock agents build ${profile.name} --from FILE`,
    });
  }
  const archive = given === null ? await fetchAgent(work, profile, downloads.path) : await givenArchive(given);
  const tag = agentImageTag(work, profile);
  progress.step(`building ${tag}`);
  await engine.buildImage({
    context: tarStream([{ name: "Dockerfile", executable: false, content: dockerfileOf(packageRoot) }, archive]),
    tag,
    labels: { "airlock.role": "image" },
    buildArguments: { BASE: base, LINKS: linksOf(profile), AGENT: profile.name },
    onLine: (line) => progress.detail(line),
    signal,
  });
  return tag;
}
