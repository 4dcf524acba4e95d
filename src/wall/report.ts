import * as z from "zod/mini";
import { AirlockError } from "../base/errors.js";

const decimal = z.string().check(z.regex(/^\d+$/));

// Bytes that are not ASCII come as U+DCxx each; a path is compared in that form after the host's own is put into it.
const mount = z.strictObject({
  device: decimal,
  inode: decimal,
  root: z.string(),
  target: z.string(),
  options: z.string(),
  type: z.string(),
  source: z.string(),
  superOptions: z.string(),
});

const reportSchema = z.strictObject({
  version: z.literal(1),
  descriptors: z.array(z.int()),
  pid: z.int(),
  processes: z.int(),
  uid: z.int(),
  gid: z.int(),
  groups: z.array(z.int()),
  status: z.record(z.string(), z.string()),
  /** As the kernel writes them; empty where it shows none. */
  limits: z.strictObject({ memory: z.string(), pids: z.string(), core: decimal }),
  interfaces: z.array(z.string()),
  mounts: z.array(mount),
  writable: z.array(z.string()),
  /** Paths that are to be masked and are not. */
  exposed: z.array(z.string()),
  devices: z.array(z.string()),
  sockets: z.array(z.string()),
  syscalls: z.record(z.string(), z.string()),
});

/** What init found when it looked around, before anything of the agent's ran. */
export type ProbeReport = z.infer<typeof reportSchema>;

/** One line of the mount table inside. */
export type ProbedMount = ProbeReport["mounts"][number];

/** Parses init's report; anything unexpected means that what answered was not our init. */
export function parseReport(line: string): ProbeReport {
  try {
    return z.parse(reportSchema, JSON.parse(line));
  } catch (error) {
    throw new AirlockError("E_WALL_UNPROVED", "the sandbox's report on its wall cannot be read", { cause: error });
  }
}
