import { escapeText } from "../../base/escape.js";
import type { AwsLedger, LedgerCall } from "../../session/aws/ledger.js";
import { countOf } from "./size.js";
import { formatTable } from "./table.js";

const listLength = 5;
const refusalsAtMost = 20;

const many = (ids: readonly string[]): string => {
  const more = ids.length > listLength ? ` and ${ids.length - listLength} more` : "";
  return `${ids.slice(0, listLength).join(", ")}${more}`;
};

const nameOf = ({ service, operation }: LedgerCall): string => `${service}:${operation}`;

// An answer that names nothing was still a deed: then the request says on what.
function effects(call: LedgerCall): (readonly [string, readonly string[]])[] {
  const said = (["created", "changed", "deleted"] as const).filter((kind) => call[kind].length > 0);
  return said.length === 0 ? [["did", call.resources]] : said.map((kind) => [kind, call[kind]]);
}

const row = (word: string, call: LedgerCall, what: string): string[] => ["", word, nameOf(call), call.region, what];

// The same refusal over and over is one line.
function refusals(word: string, calls: readonly LedgerCall[]): string[][] {
  const groups = new Map<string, { readonly call: LedgerCall; count: number }>();
  for (const call of calls) {
    const key = [nameOf(call), call.region, call.rule, ...call.resources].join("\0");
    const group = groups.get(key) ?? { call, count: 0 };
    group.count += 1;
    groups.set(key, group);
  }
  const rows = [...groups.values()].slice(0, refusalsAtMost).map(({ call, count }) => {
    const times = count === 1 ? "" : ` (${count} times)`;
    return row(word, call, `${many(call.resources)}  [${call.rule}]${times}`);
  });
  const more = groups.size - refusalsAtMost;
  return more > 0 ? [...rows, ["", word, `and ${more} more`, "", ""]] : rows;
}

/** The ledger for people: what was created, changed and deleted first of all. Empty when nothing was called. */
export function formatLedger(ledger: AwsLedger): string {
  const { calls, read, done, unknown, failed, denied, wouldHave } = ledger;
  if (calls.length === 0) return "";
  const accounts = [...new Set(calls.map(({ account }) => account))].filter((each) => each !== null);
  const counts = [`${read} read`, `${done.length} changed something`, `${denied.length} denied`];
  if (wouldHave.length > 0) counts.push(`${wouldHave.length} kept back by the dry run`);
  const where = accounts.length === 0 ? "" : ` in account ${accounts.join(", ")}`;
  const rows = [
    ...done.flatMap((call) => effects(call).map(([kind, ids]) => row(kind, call, many(ids)))),
    ...unknown.map((call) => row("perhaps", call, `${many(call.resources)}  [no answer came]`)),
    ...failed.map((call) => row("failed", call, call.error ?? `status ${call.status}`)),
    ...refusals("denied", denied),
    ...refusals("would", wouldHave),
  ];
  const head = escapeText(`AWS: ${countOf(calls.length, "call")}${where}: ${counts.join(", ")}`);
  return rows.length === 0 ? head : `${head}\n${formatTable(rows)}`;
}
