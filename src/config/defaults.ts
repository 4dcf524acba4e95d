import type { Limits } from "../model/session.js";

const gibibyte = 1024 ** 3;

/** What a sandbox may use when nobody says otherwise; processors and memory are also bounded by what the engine has. */
export const defaultLimits: Limits = {
  memoryBytes: 4 * gibibyte,
  cpus: 2,
  pids: 1_024,
  diskBytes: 20 * gibibyte,
  timeoutSeconds: 0,
};
