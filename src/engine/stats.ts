import * as z from "zod/mini";
import { AirlockError } from "../base/errors.js";
import type { ContainerStats } from "../model/engine.js";
import type { EngineCaller } from "./caller.js";
import { objectName } from "./object-name.js";

const count = z.number().check(z.nonnegative());

// What engines add is dropped; a container that ends just now is told of without a number.
const statsSchema = z.object({
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: count }) }),
  memory_stats: z.optional(
    z.object({
      usage: z.optional(count),
      stats: z.nullish(z.record(z.string(), z.unknown())),
    }),
  ),
  pids_stats: z.optional(z.object({ current: z.optional(count) })),
});

type Memory = z.output<typeof statsSchema>["memory_stats"];

// Pages of files that nobody uses are the kernel's to take back: version 1 and 2 of control groups name them differently.
function usedMemory(memory: Memory): number | null {
  if (memory?.usage === undefined) return null;
  const idle = memory.stats?.["inactive_file"] ?? memory.stats?.["total_inactive_file"];
  return Math.max(0, memory.usage - (typeof idle === "number" ? idle : 0));
}

/** What a container uses at this moment; null when it is gone or does not run. */
export async function containerStats(caller: EngineCaller, id: string): Promise<ContainerStats | null> {
  const query = { stream: false, "one-shot": true };
  const answer = await caller.callUnless(
    `stats of container ${id}`,
    (signal) => caller.transport.json({ method: "GET", path: `/containers/${objectName(id)}/stats`, query, signal }),
    { 404: null, 409: null },
  );
  if (answer === null) return null;
  const parsed = z.safeParse(statsSchema, answer);
  if (!parsed.success) {
    throw new AirlockError("E_ENGINE_ANSWER", `the engine's stats of container ${id} cannot be read`, {
      cause: parsed.error,
    });
  }
  const { cpu_stats, memory_stats, pids_stats } = parsed.data;
  return {
    cpuNanoseconds: cpu_stats.cpu_usage.total_usage,
    memoryBytes: usedMemory(memory_stats),
    processes: pids_stats?.current ?? null,
  };
}
