import type { SessionRecord } from "../../model/session.js";

export const hatchProxyPort = 3_128;

/** The proxy of the hatch, for programs that want one. */
export const hatchProxy = `http://127.0.0.1:${hatchProxyPort}`;

const usualUid = 61_184;

/** Whether a session may reach any host. */
export function hasNetwork({ network = "none" }: Pick<SessionRecord, "network">): boolean {
  return network !== "none";
}

/** Whether its sandbox gets a wire, for the network, or for AWS or hooks alone. */
export function hasWire(record: Pick<SessionRecord, "network" | "aws" | "hooks">): boolean {
  return hasNetwork(record) || record.aws !== undefined || record.hooks === true;
}

/** A user id that nothing else inside has: the agent can neither signal nor trace its processes. */
export function hatchUid({ uid }: Pick<SessionRecord, "uid">): number {
  return uid === usualUid ? usualUid + 1 : usualUid;
}
