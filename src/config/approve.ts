import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic-file.js";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import { takeLock } from "../base/file-lock.js";
import { defaultLimits } from "./defaults.js";
import type { LoadedConfig } from "./load.js";
import type { FileConfig } from "./schema.js";

type Limits = NonNullable<FileConfig["limits"]>;

function looserLimits(limits: Limits): string[] {
  const { memory, cpus, pids, disk } = limits;
  const over = (name: string, value: number | undefined, standard: number): string[] =>
    value !== undefined && value > standard ? [`more ${name} than usual: ${value} instead of ${standard}`] : [];
  return [
    ...over("memory", memory, defaultLimits.memoryBytes),
    ...over("processors", cpus, defaultLimits.cpus),
    ...over("processes", pids, defaultLimits.pids),
    ...over("disk", disk, defaultLimits.diskBytes),
  ];
}

/**
 * What a project's file asks for beyond the defaults, as lines for a person. What only tightens (mask, lower limits, a timeout,
 * another way to the same workspace, keep or review) is not among them.
 */
export function grantsOf(config: FileConfig): string[] {
  const { image, runtime, user, paths = [], env = {}, unmask = [], limits = {}, onExit } = config;
  return [
    ...(image === undefined ? [] : [`the image ${image}`]),
    ...(runtime === undefined ? [] : [`the container runtime ${runtime}`]),
    ...(user === "root" ? ["root inside, with a writable container root"] : []),
    ...paths.map(
      ({ host, mode, target }) =>
        `the path ${host} (${mode === "rw" ? "WRITTEN THROUGH" : mode})${target === undefined ? "" : ` at ${target}`}`,
    ),
    ...Object.entries(env).map(([name, value]) => `the variable ${name}=${String(value)}`),
    ...unmask.map((glob) => `files shown although they look like secrets: ${glob}`),
    ...looserLimits(limits),
    ...(onExit === "discard" ? ["sessions discarded without a look when their command ends"] : []),
  ];
}

type Approvals = Readonly<Record<string, readonly string[]>>;

const approvalsPath = (airlockHome: string): string => join(airlockHome, "approvals.json");

async function readApprovals(airlockHome: string): Promise<Approvals> {
  const file = approvalsPath(airlockHome);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return {};
    throw error;
  }
  try {
    const { z } = await import("zod");
    return z.record(z.string(), z.array(z.string().regex(/^[0-9a-f]{64}$/))).parse(JSON.parse(text));
  } catch (error) {
    throw new AirlockError("E_STATE_DAMAGED", `${file} cannot be read`, {
      hint: "remove it and approve again",
      cause: error,
    });
  }
}

/** Whether the user approved exactly this content for this project. */
export async function isApproved(airlockHome: string, project: string, { sha256 }: LoadedConfig): Promise<boolean> {
  return (await readApprovals(airlockHome))[project]?.includes(sha256) === true;
}

/** Remembers the user's approval. */
export async function approve(airlockHome: string, project: string, { sha256 }: LoadedConfig): Promise<void> {
  await using lock = await takeLock(`${approvalsPath(airlockHome)}.lock`, { waitMs: 10_000 });
  if (lock === null) throw new AirlockError("E_SESSION_BUSY", "another process is writing the approvals");
  const approvals = await readApprovals(airlockHome);
  const list = [...new Set([...(approvals[project] ?? []), sha256])];
  await writeFileAtomic(approvalsPath(airlockHome), `${JSON.stringify({ ...approvals, [project]: list }, null, 2)}\n`);
}

/** Throws when the project's file grants something that was not approved. */
export async function requireApproval(airlockHome: string, project: string, loaded: LoadedConfig): Promise<void> {
  const grants = grantsOf(loaded.config);
  if (grants.length === 0 || (await isApproved(airlockHome, project, loaded))) return;
  throw new AirlockError(
    "E_CONFIG_NOT_APPROVED",
    `${loaded.file} asks for more than the defaults:\n${grants.map((line) => `  - ${line}`).join("\n")}`,
    {
      hint: "if you want that: airlock config approve",
    },
  );
}
