import { z } from "zod";
import type { SessionRecord, SnapshotRecord } from "../model/session.js";

const layerName = z.union([
  z.literal("workspace"),
  z.literal("home"),
  z.templateLiteral(["path-", z.int().positive()]),
]);
const decimal = z.string().regex(/^\d+$/);

const layer = z.strictObject({
  name: layerName,
  hostPath: z.string().nullable(),
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
export const sessionRecordSchema: z.ZodType<SessionRecord> = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  createdAt: z.iso.datetime(),
  baseTimeMs: z.number(),
  project: z.strictObject({ path: z.string(), device: decimal, inode: decimal }),
  workspace: z.string(),
  engine: z.string(),
  image: z.strictObject({ reference: z.string(), id: z.string() }),
  user: z.enum(["agent", "root"]),
  uid: z.int().nonnegative(),
  gid: z.int().nonnegative(),
  runtime: z.string().nullable(),
  limits: z.strictObject({
    memoryBytes: z.int().positive(),
    cpus: z.number().positive(),
    pids: z.int().positive(),
    diskBytes: z.int().positive(),
    timeoutSeconds: z.number().nonnegative(),
  }),
  layers: z.array(layer),
  paths: z.array(approvedPath),
  hidden: z.array(z.strictObject({ path: z.string(), rule: z.string() })),
  state: z.enum(["starting", "running", "stopped", "interrupted", "discarding", "discarded"]),
  container: z.string().nullable(),
  rootImage: z.string().nullable(),
  generation: z.int().nonnegative(),
  command: z.array(z.string()).nullable(),
  lastExit: z.strictObject({ code: z.int(), reason: z.string().nullable() }).nullable(),
  proof: z
    .strictObject({ ok: z.boolean(), at: z.iso.datetime(), failed: z.array(z.string()), checks: z.int() })
    .nullable(),
  nextSnapshot: z.int().nonnegative(),
});

/** The shape of `snapshots.json`, version 1 (docs/formats.md). */
export const snapshotsSchema: z.ZodType<readonly SnapshotRecord[]> = z.array(
  z.strictObject({
    id: z.string().regex(/^s\d+$/),
    createdAt: z.iso.datetime(),
    message: z.string(),
    reason: z.enum(["start", "request", "restore"]),
    files: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    manifestSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
    image: z.string().nullable(),
  }),
);
