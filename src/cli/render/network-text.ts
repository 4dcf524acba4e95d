import type { SessionRecord } from "../../model/session.js";

const texts = {
  none: "no network",
  policy: "network by policy",
  ask: "network by policy, else you are asked",
  open: "OPEN network",
} as const;

/** A session's network in a few words. */
export function networkText({ network = "none" }: Pick<SessionRecord, "network">): string {
  return texts[network];
}
