import type { SessionRecord } from "../../model/session.js";

export const hatchProxyPort = 3_128;

/** The proxy of the hatch, for programs that want one. */
export const hatchProxy = `http://127.0.0.1:${hatchProxyPort}`;

const usualUid = 61_184;

/** Whether a session's sandbox gets a wire. */
export function hasNetwork({ network = "none" }: Pick<SessionRecord, "network">): boolean {
  return network !== "none";
}

/** A user id that nothing else inside has: the agent can neither signal nor trace its processes. */
export function hatchUid({ uid }: Pick<SessionRecord, "uid">): number {
  return uid === usualUid ? usualUid + 1 : usualUid;
}
