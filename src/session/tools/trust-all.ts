import { AirlockError } from "../../base/errors.js";
import { readJournal } from "../../journal/read.js";
import type { SessionRecord } from "../../model/session.js";
import type { TrustAll, TrustRule, TrustState } from "../../model/trust.js";
import { isTrustingAll } from "../../trust/decide.js";
import { journalPaths } from "../home.js";
import type { Workbench } from "../workbench.js";
import { changeTrust, initialTrust, loadTrust, parseStartRules, saveTrust } from "./trust-file.js";
import type { FilesSince } from "./trust-marks.js";

/** How long everything is trusted when nothing is said. */
export const usualTrustAllSeconds = 30 * 60;

export interface TrustAllWish {
  readonly seconds: number;
  readonly calls: number | null;
  readonly task: string | null;
}

/** What happened while everything was trusted. */
export interface TrustAllAccount {
  readonly snapshot: string;
  readonly since: string;
  /** Why it ended. */
  readonly reason: string;
  readonly calls: number;
  readonly denied: number;
  readonly connections: number;
  /** Null: it could not be told. */
  readonly files: FilesSince | null;
}

type Session = Pick<SessionRecord, "id" | "workspace">;

/** Trusts everything for a while, on top of a snapshot that is there: at the start of a session the empty one. */
export async function beginTrustAll(
  bench: Workbench,
  record: Session,
  snapshot: string,
  { seconds, calls, task }: TrustAllWish,
): Promise<TrustAll> {
  const since = Date.now();
  const all: TrustAll = { since, until: since + seconds * 1_000, callsLeft: calls, task, snapshot };
  await changeTrust(bench, record, (state) => ({
    state: { ...state, trustAll: all },
    event: { kind: "trust.all", data: { ...all } },
  }));
  return all;
}

/** What happened since everything was trusted, up to where that ended. */
export async function accountOf(bench: Workbench, record: Session, all: TrustAll): Promise<TrustAllAccount> {
  const since = new Date(all.since).toISOString();
  const account = { snapshot: all.snapshot, since, reason: "", calls: 0, denied: 0 };
  const connections = new Set<unknown>();
  for await (const { at, kind, data } of readJournal(journalPaths(bench.home, record.id).journal)) {
    if (at < since) continue;
    if (kind === "tool.call") account[data["decision"] === "allow" ? "calls" : "denied"] += 1;
    // One that is open is there when it was made, one that is over when it ended, a long one twice.
    const isMade = kind === "network.connect" || (kind === "network.connection" && data["decision"] === "allowed");
    if (isMade) connections.add(data["connection"]);
    if (kind !== "trust.reset" || data["since"] !== all.since) continue;
    account.reason = String(data["reason"]);
    break;
  }
  // The change set has much to load; most trust ends without anyone who asks.
  const { filesSince } = await import("./trust-marks.js");
  return { ...account, connections: connections.size, files: await filesSince(bench, record.id, all.snapshot) };
}

/** Ends the trust in everything, where there is any, and says what happened under it. What was trusted before is trusted again. */
export async function endTrustAll(bench: Workbench, record: Session, reason: string): Promise<TrustAllAccount | null> {
  const ended = await stopTrustAll(bench, record, reason);
  if (ended === null) return null;
  const account = await accountOf(bench, record, ended);
  await bench.recorder(record.id)({ kind: "trust.account", data: { ...account }, isOutcome: true });
  return account;
}

/** Ends it at once, as an alarm needs it. */
export async function stopTrustAll(bench: Workbench, record: Session, reason: string): Promise<TrustAll | null> {
  let ended: TrustAll | null = null;
  await changeTrust(bench, record, (state) => {
    ended = state.trustAll;
    return ended === null
      ? null
      : {
          state: { ...state, trustAll: null },
          event: { kind: "trust.reset", data: { reason, snapshot: ended.snapshot, since: ended.since } },
        };
  });
  return ended;
}

// Rules that a command or an answer made; those of flags and configurations were there at the start.
const isOfNow = ({ origin }: TrustRule): boolean => origin === "airlock tools" || origin === "an answer";

// What flags and configurations said is in the journal, too: a denial among it must not be lost with a file.
async function startRules(bench: Workbench, { id }: Session): Promise<TrustRule[]> {
  for await (const { kind, data } of readJournal(journalPaths(bench.home, id).journal)) {
    if (kind === "session.create") return parseStartRules(data["trust"]);
  }
  return [];
}

/** Takes back everything that was granted or denied since the session began. */
export async function resetTrust(bench: Workbench, record: Session): Promise<TrustAllAccount | null> {
  const account = await endTrustAll(bench, record, "airlock tools reset").catch((error: unknown) => {
    if (error instanceof AirlockError && error.code === "E_STATE_DAMAGED") return null;
    throw error;
  });
  const isDamaged = await loadTrust(bench.home, record).then(
    () => false,
    () => true,
  );
  if (isDamaged) {
    await bench.recorder(record.id)({ kind: "trust.reset", data: { reason: "its file was damaged" } });
    await saveTrust(bench.home, record.id, initialTrust(record.workspace, await startRules(bench, record)));
    return account;
  }
  await changeTrust(bench, record, (state) => ({
    state: { ...state, rules: state.rules.filter((rule) => !isOfNow(rule)), trustAll: null },
    event: { kind: "trust.reset", data: { reason: "airlock tools reset" } },
  }));
  return account;
}

/** Why a trust in everything holds no more. */
export const endReason = ({ callsLeft }: TrustAll): string =>
  callsLeft === 0 ? "its last call was made" : "its time is over";

/** What a session trusts now; a trust in everything whose time is over is ended by whoever looks. */
export async function currentTrust(
  bench: Workbench,
  record: Session,
  load = () => loadTrust(bench.home, record),
): Promise<TrustState> {
  const state = await load();
  if (state.trustAll === null || isTrustingAll(state, Date.now())) return state;
  await stopTrustAll(bench, record, endReason(state.trustAll));
  return await load();
}

/** Takes one call off a trust in everything that has a number of them; false when none was left. */
export async function takeCall(bench: Workbench, record: Session): Promise<boolean> {
  let taken = true;
  await changeTrust(bench, record, (state) => {
    const left = state.trustAll?.callsLeft ?? null;
    if (state.trustAll === null || left === null) return null;
    taken = left > 0;
    return taken ? { state: { ...state, trustAll: { ...state.trustAll, callsLeft: left - 1 } }, event: null } : null;
  });
  return taken;
}

/** Gives back one that was taken for a call that did not run. */
export async function giveBackCall(bench: Workbench, record: Session): Promise<void> {
  await changeTrust(bench, record, ({ trustAll, ...rest }) =>
    trustAll?.callsLeft == null
      ? null
      : { state: { ...rest, trustAll: { ...trustAll, callsLeft: trustAll.callsLeft + 1 } }, event: null },
  );
}

/** Adds rules for the rest of the session. */
export async function addTrust(bench: Workbench, record: Session, rules: readonly TrustRule[]): Promise<TrustState> {
  const same = (a: TrustRule, b: TrustRule): boolean => a.tool === b.tool && a.pattern === b.pattern;
  return await changeTrust(bench, record, (state) => {
    // What was said here before about the same is replaced; what a configuration denies stays denied.
    const kept = state.rules.filter((rule) => !(isOfNow(rule) && rules.some((each) => same(each, rule))));
    return {
      state: { ...state, rules: [...kept, ...rules] },
      event: {
        kind: "trust.change",
        data: { rules: rules.map(({ action, tool, pattern }) => ({ action, tool, pattern })) },
      },
    };
  });
}
