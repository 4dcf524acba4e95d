import { escapeText } from "../../base/escape.js";
import type { TrustState } from "../../model/trust.js";
import type { TrustAllAccount } from "../../session/tools/trust-all.js";
import { countOf } from "./size.js";

function filesText({ files }: TrustAllAccount): string {
  if (files === null) return "its changes could not be counted";
  const { added, modified, deleted } = files;
  if (added + modified + deleted === 0) return "no path changed";
  return `${countOf(added, "path")} added, ${modified} modified, ${deleted} deleted`;
}

/** What happened while everything was trusted, for people. */
export function accountText(account: TrustAllAccount, id: string): string {
  const { snapshot, since, calls, denied, connections } = account;
  const parts = [countOf(calls, "call"), `${denied} denied`, countOf(connections, "connection")];
  return `since ${since}: ${parts.join(", ")}; ${filesText(account)}; to go back: airlock restore ${id}/${snapshot}`;
}

/** The same where nobody asked: it ended by itself, or by another command. */
export function trustEndText(account: TrustAllAccount, id: string): string {
  return `EVERYTHING is trusted no more in session ${id}: ${escapeText(account.reason)}\n${accountText(account, id)}`;
}

/** Says that everything is trusted, until when and over which snapshot; null when it is not. */
export function trustAllText({ trustAll }: Pick<TrustState, "trustAll">): string | null {
  if (trustAll === null) return null;
  const { until, callsLeft, task, snapshot } = trustAll;
  const calls = callsLeft === null ? "" : `, ${countOf(callsLeft, "call")} left`;
  const forTask = task === null ? "" : `, for "${escapeText(task)}"`;
  return `EVERYTHING IS TRUSTED until ${new Date(until).toISOString()}${calls}${forTask}; snapshot ${snapshot} lies under it`;
}
