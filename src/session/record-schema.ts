import * as z from "zod/mini";
import { sessionIdPattern } from "../base/ids.js";
import type { SessionRecord, SnapshotRecord } from "../model/session.js";

interface Parser<T> {
  parse(value: unknown): T;
}

const layerName = z.union([
  z.literal("workspace"),
  z.literal("home"),
  z.templateLiteral(["path-", z.int().check(z.positive())]),
]);
const sessionId = z.string().check(z.regex(sessionIdPattern));
const decimal = z.string().check(z.regex(/^\d+$/));

const layer = z.strictObject({
  name: layerName,
  hostPath: z.nullable(z.string()),
  base: z.enum(["overlay", "upload", "empty"]),
  target: z.string(),
  volume: z.string(),
});

const approvedPath = z.strictObject({
  hostPath: z.string(),
  target: z.string(),
  mode: z.enum(["ro", "cow", "rw"]),
  kind: z.enum(["file", "folder"]),
  device: decimal,
  inode: decimal,
});

/** The shape of `session.json`, version 1 (docs/formats.md). */
export const sessionRecordSchema: Parser<SessionRecord> = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  createdAt: z.iso.datetime(),
  baseTimeMs: z.number(),
  project: z.strictObject({ path: z.string(), device: decimal, inode: decimal }),
  workspace: z.string(),
  engine: z.string(),
  image: z.strictObject({ reference: z.string(), id: z.string() }),
  user: z.enum(["agent", "root"]),
  uid: z.int().check(z.nonnegative()),
  gid: z.int().check(z.nonnegative()),
  runtime: z.nullable(z.string()),
  limits: z.strictObject({
    memoryBytes: z.int().check(z.positive()),
    cpus: z.number().check(z.positive()),
    pids: z.int().check(z.positive()),
    diskBytes: z.int().check(z.positive()),
    timeoutSeconds: z.number().check(z.nonnegative()),
  }),
  layers: z.array(layer),
  paths: z.array(approvedPath),
  hidden: z.array(z.strictObject({ path: z.string(), rule: z.string() })),
  state: z.enum(["starting", "running", "stopped", "interrupted", "discarding", "discarded"]),
  container: z.nullable(z.string()),
  rootImage: z.nullable(z.string()),
  generation: z.int().check(z.nonnegative()),
  command: z.nullable(z.array(z.string())),
  lastExit: z.nullable(z.strictObject({ code: z.int(), reason: z.nullable(z.string()) })),
  proof: z.nullable(
    z.strictObject({ ok: z.boolean(), at: z.iso.datetime(), failed: z.array(z.string()), checks: z.int() }),
  ),
  nextSnapshot: z.int().check(z.nonnegative()),
  network: z.optional(z.enum(["none", "policy", "ask", "open"])),
  isRecorded: z.optional(z.literal(false)),
  aws: z.optional(z.enum(["gateway", "direct"])),
  agent: z.optional(z.object({ name: z.string(), carried: z.array(z.string()) })),
  hooks: z.optional(z.literal(true)),
  lower: z.optional(
    z.array(z.strictObject({ session: sessionId, snapshot: z.string().check(z.regex(/^s[1-9]\d*$/)) })),
  ),
});

/** The shape of `snapshots.json`, version 1 (docs/formats.md). */
export const snapshotsSchema: Parser<readonly SnapshotRecord[]> = z.array(
  z.strictObject({
    id: z.string().check(z.regex(/^s\d+$/)),
    createdAt: z.iso.datetime(),
    message: z.string(),
    reason: z.enum(["start", "request", "restore", "trust-all", "auto"]),
    files: z.int().check(z.nonnegative()),
    bytes: z.int().check(z.nonnegative()),
    manifestSha256: z.nullable(z.string().check(z.regex(/^[0-9a-f]{64}$/))),
    image: z.nullable(z.string()),
  }),
);
