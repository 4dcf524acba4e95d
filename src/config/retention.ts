import type { FileConfig } from "./schema.js";

/** Which snapshots of a session are kept; 0: without that bound. */
export interface Retention {
  readonly keep: number;
  readonly maxAgeSeconds: number;
  readonly maxBytes: number;
  /** `auto`: only those that were taken by themselves may go. */
  readonly appliesTo: "auto" | "all";
}

const gibibyte = 1024 ** 3;

/** What holds where the user says nothing. */
const usualRetention: Retention = { keep: 20, maxAgeSeconds: 7 * 86_400, maxBytes: 2 * gibibyte, appliesTo: "auto" };

/** What the user's configuration says about which snapshots are kept. */
export function retentionOf({ keep, maxAge, maxSize, appliesTo }: NonNullable<FileConfig["snapshots"]>): Retention {
  return {
    keep: keep ?? usualRetention.keep,
    maxAgeSeconds: maxAge ?? usualRetention.maxAgeSeconds,
    maxBytes: maxSize ?? usualRetention.maxBytes,
    appliesTo: appliesTo ?? usualRetention.appliesTo,
  };
}
