import type { TrustRule } from "../model/trust.js";

/** A rule as a person writes it: `allow shell:git *`, `deny read`. */
export function formatRule({ action, tool, pattern, origin }: TrustRule): string {
  return `${action} ${tool}${pattern === null ? "" : `:${pattern}`} (${origin})`;
}
