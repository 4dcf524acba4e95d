import type { JournalEntry } from "../journal/entry.js";
import { type ReportCast, ReportTimes } from "./report-times.js";

/** What a session did, in numbers; `trustAllPeriods` counts how often everything was trusted for a while. */
export interface ReportTotals {
  asked: number;
  allowed: number;
  denied: number;
  ran: number;
  connected: number;
  refused: number;
  /** Calls of AWS that were sent, those that were not, and those that created, changed or deleted something that has a name. */
  awsCalls: number;
  awsRefused: number;
  awsChanges: number;
  applied: number;
  undone: number;
  snapshots: number;
  trustAllPeriods: number;
  isDiscarded: boolean;
  /** What it had changed in the project when that was last looked at; null: nobody looked. */
  changed: { readonly added: number; readonly modified: number; readonly deleted: number } | null;
  /** Seconds: of its tools, of its commands, and between its first and its last entry. */
  toolSeconds: number;
  commandSeconds: number;
  seconds: number;
}

/** One line of a report: when, and what, in words. The text is as hostile as its source, and is to be escaped. */
export interface ReportLine {
  readonly at: string;
  /** The kind of its entry in the journal. */
  readonly kind: string;
  readonly text: string;
  /** Where it is in the recordings that were made at that moment. */
  readonly casts?: readonly { readonly cast: string; readonly seconds: number }[];
}

/** The account of a session: everything of note in the order of time, and the totals. */
export interface SessionReport {
  readonly lines: readonly ReportLine[];
  readonly totals: ReportTotals;
  readonly casts: readonly ReportCast[];
}

type Data = Readonly<Record<string, unknown>>;
type Teller = (data: Data, totals: ReportTotals) => string;

const word = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? "-"));
const count = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const commandText = (value: unknown): string => (Array.isArray(value) ? value.map(word).join(" ") : word(value));

const isSent = (decision: unknown): boolean => decision === "allowed" || decision === "asked-allowed";

const tellers: Readonly<Record<string, Teller>> = {
  "session.create": ({ project, command }, totals) => {
    if (!Array.isArray(command)) return `began over ${word(project)}`;
    totals.ran += 1;
    return `began over ${word(project)}, to run ${commandText(command)}`;
  },
  "wall.proved": () => "the wall was proved",
  "wall.failed": () => "the wall could not be proved",
  "command.start": ({ command }, totals) => {
    totals.ran += 1;
    return `ran ${commandText(command)}`;
  },
  "command.end": ({ exitCode }) => `a command ended with ${word(exitCode)}`,
  "question.asked": ({ question }, totals) => {
    totals.asked += 1;
    return `asked a person: question ${word(question)}`;
  },
  "question.answered": ({ question, verdict, by }) => `question ${word(question)}: ${word(verdict)}, by ${word(by)}`,
  "tool.call": ({ tool, decision, by, rule, arguments: given }, totals) => {
    totals[decision === "allow" ? "allowed" : "denied"] += 1;
    return `${decision === "allow" ? "allowed" : "denied"} ${word(tool)} ${word(given)} (by ${word(by)}: ${word(rule)})`;
  },
  "tool.result": ({ tool, outcome, ms }) => `${word(tool)}: ${word(outcome)} after ${word(ms)} ms`,
  "trust.change": (data) => `trust changed: ${word(data)}`,
  "trust.all": ({ snapshot }, totals) => {
    totals.trustAllPeriods += 1;
    return `everything trusted from here on, over snapshot ${word(snapshot)}`;
  },
  "trust.reset": ({ reason }) => `trust taken back: ${word(reason)}`,
  "trust.account": ({ calls, denied, connections, files, snapshot }) =>
    `while everything was trusted: ${count(calls)} calls, ${count(denied)} denied, ${count(connections)} connections, files ${word(files)}; to go back: ${word(snapshot)}`,
  "network.open": ({ mode }) => `the network was connected, mode ${word(mode)}`,
  "network.connect": ({ name, port }) => `connects to ${word(name)}:${word(port)}`,
  "network.key": ({ name, port, headers, refused }) =>
    refused === undefined
      ? `a key of the host was put into requests to ${word(name)}:${word(port)} (${commandText(headers)})`
      : `no key was put into a request to ${word(name)}:${word(port)}, which was refused: ${word(refused)}`,
  "network.connection": ({ decision, name, port, rule, bytesOut, bytesIn }, totals) => {
    totals[decision === "allowed" ? "connected" : "refused"] += 1;
    const bytes = decision === "allowed" ? `, ${count(bytesOut)} bytes out, ${count(bytesIn)} in` : "";
    return `connection to ${word(name)}:${word(port)} ${word(decision)} (${word(rule)})${bytes}`;
  },
  "network.refusals": ({ name, port, times }, totals) => {
    totals.refused += count(times);
    return `connection to ${word(name)}:${word(port)} refused ${word(times)} more times`;
  },
  "aws.call": ({ service, operation, region, resources, decision, rule }, totals) => {
    if (decision !== "asked-pending") totals[isSent(decision) ? "awsCalls" : "awsRefused"] += 1;
    const on = Array.isArray(resources) && resources.length > 0 ? ` on ${resources.map(word).join(", ")}` : "";
    return `AWS ${word(service)}:${word(operation)} in ${word(region)}${on}: ${word(decision)} (${word(rule)})`;
  },
  "aws.result": ({ status, error, created, changed, deleted }, totals) => {
    const effects = Object.entries({ created, changed, deleted }).filter(
      ([, ids]) => Array.isArray(ids) && ids.length > 0,
    );
    // What AWS refused changed nothing, whatever the request named.
    if (effects.length > 0 && typeof status === "number" && status < 400) totals.awsChanges += 1;
    const what = effects.map(([kind, ids]) => `, ${kind} ${commandText(ids)}`).join("");
    return `AWS answered ${word(status)}${error === null ? "" : ` ${word(error)}`}${what}`;
  },
  "snapshot.create": ({ id, files, reason }, totals) => {
    totals.snapshots += 1;
    return `snapshot ${word(id)}: ${word(files)} entries (${word(reason)})`;
  },
  "snapshot.auto": ({ on }) =>
    `from here on ${on === true ? "a snapshot before each tool call that writes" : "no snapshot by itself"}`,
  "snapshot.remove": ({ snapshot, why }) => `snapshot ${word(snapshot)} removed, for its ${word(why)}`,
  "snapshot.fork": ({ snapshot, fork }) => `began the fork ${word(fork)} on snapshot ${word(snapshot)}`,
  "snapshot.restored": ({ snapshot }) => `went back to snapshot ${word(snapshot)}`,
  "apply.begin": ({ apply, paths }) => `apply ${word(apply)} of ${word(paths)} paths began`,
  "apply.done": ({ apply }, totals) => {
    totals.applied += 1;
    return `apply ${word(apply)} is done`;
  },
  "apply.failed": ({ apply, why }) => `apply ${word(apply)} failed: ${word(why)}`,
  "undo.begin": ({ apply, undoes }) => `undo ${word(apply)} of ${word(undoes)} began`,
  "undo.done": ({ apply }, totals) => {
    totals.undone += 1;
    return `undo ${word(apply)} is done`;
  },
  "undo.failed": ({ apply, why }) => `undo ${word(apply)} failed: ${word(why)}`,
  "changes.found": ({ added, modified, deleted, type, mode }, totals) => {
    totals.changed = {
      added: count(added),
      modified: count(modified) + count(type) + count(mode),
      deleted: count(deleted),
    };
    const { changed } = totals;
    return `had changed the project: ${changed.added} added, ${changed.modified} modified, ${changed.deleted} deleted`;
  },
  "cast.start": ({ cast, columns, rows }) => `recording ${word(cast)} began (${word(columns)}x${word(rows)})`,
  "cast.end": ({ cast, seconds, cut }) =>
    `recording ${word(cast)} ended after ${word(seconds)} s${cut === null ? "" : `, before its terminal: ${word(cut)}`}`,
  "cast.failed": ({ reason }) => `a terminal was not recorded: ${word(reason)}`,
  "session.discarded": ({ clean }, totals) => {
    totals.isDiscarded = clean === true;
    return clean === true ? "discarded: nothing is left" : "discarded, but not everything is gone";
  },
};

/** Tells what a journal holds. Kinds without words of their own are told by their name, so that nothing is left out. */
export async function accountFor(entries: AsyncIterable<JournalEntry>): Promise<SessionReport> {
  const lines: ReportLine[] = [];
  const totals: ReportTotals = {
    asked: 0,
    allowed: 0,
    denied: 0,
    ran: 0,
    connected: 0,
    refused: 0,
    awsCalls: 0,
    awsRefused: 0,
    awsChanges: 0,
    applied: 0,
    undone: 0,
    snapshots: 0,
    trustAllPeriods: 0,
    isDiscarded: false,
    changed: null,
    toolSeconds: 0,
    commandSeconds: 0,
    seconds: 0,
  };
  const times = new ReportTimes();
  for await (const entry of entries) {
    const { at, kind, data } = entry;
    const tell = Object.hasOwn(tellers, kind) ? tellers[kind] : undefined;
    const text = tell === undefined ? kind : tell(data, totals);
    const casts = times.see(entry);
    lines.push({ at, kind, text, ...(casts.length === 0 ? {} : { casts }) });
  }
  return { lines, totals: { ...totals, ...times.totals() }, casts: times.casts };
}
