import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic-file.js";
import { decodePath } from "../base/byte-path.js";
import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { displayPath, escapeText } from "../base/escape.js";
import { takeLock } from "../base/file-lock.js";
import { defaultLimits } from "./defaults.js";
import type { LoadedConfig } from "./load.js";
import type { FileConfig } from "./schema.js";

type Limits = NonNullable<FileConfig["limits"]>;
type Network = NonNullable<FileConfig["network"]>;
type Aws = NonNullable<FileConfig["aws"]>;

const kibibytesIn = { K: 1, M: 1024, G: 1024 ** 2, T: 1024 ** 3 } as const;

function formatBytes(bytes: number): string {
  const kibibytes = bytes / 1024;
  const unit =
    kibibytes >= kibibytesIn.T ? "T" : kibibytes >= kibibytesIn.G ? "G" : kibibytes >= kibibytesIn.M ? "M" : "K";
  return `${Number((kibibytes / kibibytesIn[unit]).toFixed(2))} ${unit}iB`;
}

function looserLimits({ memory, cpus, pids, disk }: Limits): string[] {
  const over = (
    name: string,
    value: number | undefined,
    standard: number,
    format: (value: number) => string = String,
  ): string[] =>
    value !== undefined && value > standard ? [`more ${name}: ${format(value)} instead of ${format(standard)}`] : [];
  return [
    ...over("memory", memory, defaultLimits.memoryBytes, formatBytes),
    ...over("processors", cpus, defaultLimits.cpus),
    ...over("processes", pids, defaultLimits.pids),
    ...over("disk", disk, defaultLimits.diskBytes, formatBytes),
  ];
}

function networkGrants({
  default: otherwise,
  presets = [],
  allow = [],
  ask = [],
  allowPrivate = [],
}: Network): string[] {
  const lines = (what: string, list: readonly string[]): string[] => list.map((each) => `${what} ${escapeText(each)}`);
  return [
    ...(otherwise === "open" ? ["the network: ANY public host"] : []),
    ...(otherwise === "ask" ? ["the network: hosts that you are asked about"] : []),
    ...lines("the network: preset", presets),
    ...lines("the network:", allow),
    ...lines("the network, when you are asked:", ask),
    ...lines("the network, also where it is PRIVATE or this machine:", allowPrivate),
  ];
}

function awsGrants({ mode, profile, role, access, services, duration, allow = [], ask = [], ...rest }: Aws): string[] {
  const lines = (what: string, list: readonly string[]): string[] => list.map((each) => `${what} ${escapeText(each)}`);
  const given = (what: string, value: string | undefined): string[] => lines(what, value === undefined ? [] : [value]);
  const where = services === undefined ? "" : ` of ${services.map(escapeText).join(", ")}`;
  return [
    ...(mode === "gateway" ? ["AWS, through the gateway, with your credentials"] : []),
    ...(mode === "direct" ? ["AWS, with narrowed credentials IN THE SANDBOX"] : []),
    ...given("AWS: the profile", profile),
    ...given("AWS: the region", rest.region),
    ...given("AWS: the role", role),
    ...(access === "read-write" ? [`AWS: CHANGES without asking you${where}`] : []),
    ...lines("AWS, without asking you:", allow),
    ...lines("AWS, when you are asked:", ask),
    ...given("AWS: a session policy of its own:", rest.policy === undefined ? undefined : JSON.stringify(rest.policy)),
    ...(rest.intercept === true ? ["AWS: connections to AWS's hosts, whose TLS ends on this machine"] : []),
    ...given("AWS: credentials that live for", duration === undefined ? undefined : `${duration} s`),
  ];
}

const modes = {
  ro: "read-only",
  cow: "read, with writes kept in the session",
  rw: "WRITTEN THROUGH to this machine",
} as const;

/**
 * What a project's file asks for beyond the defaults, one line each for a person. What only tightens (mask, lower limits, a
 * timeout, another way to the same workspace, keep or review) is not among them. The values are a stranger's, so no line can
 * look like two.
 */
export function grantsOf(config: FileConfig): string[] {
  const {
    image,
    runtime,
    user,
    paths = [],
    env = {},
    unmask = [],
    limits = {},
    network = {},
    tools = {},
    aws = {},
    onExit,
  } = config;
  return [
    ...(image === undefined ? [] : [`the image ${escapeText(image)}`]),
    ...(runtime === undefined ? [] : [`the container runtime ${escapeText(runtime)}`]),
    ...(user === "root" ? ["root inside, with a writable container root"] : []),
    ...paths.map(
      ({ host, mode, target }) =>
        `the path ${displayPath(host)}, ${modes[mode]}${target === undefined ? "" : `, at ${displayPath(target)}`}`,
    ),
    ...Object.entries(env).map(([name, value]) => `the variable ${name}=${escapeText(String(value))}`),
    ...unmask.map((glob) => `files shown although they look like secrets: ${escapeText(glob)}`),
    ...networkGrants(network),
    ...awsGrants(aws),
    ...(tools.trust ?? []).map((rule) => `the tool ${escapeText(rule)} without asking you`),
    ...looserLimits(limits),
    ...(onExit === "discard" ? ["sessions discarded without a look when their command ends"] : []),
  ];
}

type Approvals = Readonly<Record<string, readonly string[]>>;

const maxBytes = 16 * 1024 * 1024;
const lockWaitMs = 10_000;

const approvalsPath = (airlockHome: string): string => join(airlockHome, "approvals.json");

function damaged(file: string, why: string, cause?: unknown): AirlockError {
  return new AirlockError("E_STATE_DAMAGED", `${file} cannot be used: ${why}`, {
    hint: "look at it, remove it, and approve again what you still want: airlock config approve",
    cause,
  });
}

// Read like a file from outside: what is not exactly as we write it approves nothing and stops the command.
async function readText(file: string): Promise<string | null> {
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await handle.stat();
    if (!stat.isFile()) throw damaged(file, "it is not a regular file");
    if ((stat.mode & 0o022) !== 0) throw damaged(file, "others can write to it");
    if (stat.size > maxBytes) throw damaged(file, "it is too large");
    return await handle.readFile("utf8");
  } catch (error) {
    if (error instanceof AirlockError) throw error;
    if (systemCodeOf(error) === "ENOENT") return null;
    throw damaged(file, messageOf(error), error);
  }
}

async function readApprovals(airlockHome: string): Promise<Approvals> {
  const file = approvalsPath(airlockHome);
  const text = await readText(file);
  if (text === null) return {};
  const z = await import("zod");
  const schema = z.record(z.string().startsWith("/"), z.array(z.string().regex(/^[0-9a-f]{64}$/)).min(1));
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(file, "it is not what Airlock wrote there", error);
  }
}

// The folder itself, not a link to it: a link can be turned to another project with the same file.
async function keyOf(project: string): Promise<string> {
  try {
    return decodePath(await realpath(project, { encoding: "buffer" }));
  } catch (error) {
    throw new AirlockError("E_PROJECT_UNUSABLE", `the project ${project} cannot be reached: ${messageOf(error)}`, {
      hint: "name the project's folder with --project",
      cause: error,
    });
  }
}

/** Whether the user approved exactly this content for this project. */
export async function isApproved(airlockHome: string, project: string, { sha256 }: LoadedConfig): Promise<boolean> {
  const approvals = await readApprovals(airlockHome);
  const key = await keyOf(project);
  return Object.hasOwn(approvals, key) && approvals[key]?.includes(sha256) === true;
}

/** Remembers the user's approval. */
export async function approve(airlockHome: string, project: string, { sha256 }: LoadedConfig): Promise<void> {
  const file = approvalsPath(airlockHome);
  const key = await keyOf(project);
  await using lock = await takeLock(`${file}.lock`, { waitMs: lockWaitMs });
  if (lock === null) {
    throw new AirlockError("E_SESSION_BUSY", "another process is writing the approvals", { hint: "try again" });
  }
  const approvals = await readApprovals(airlockHome);
  const list = [...new Set([...(approvals[key] ?? []), sha256])];
  await writeFileAtomic(file, `${JSON.stringify({ ...approvals, [key]: list }, null, 2)}\n`);
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
