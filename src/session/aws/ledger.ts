import * as z from "zod/mini";
import { AirlockError } from "../../base/errors.js";
import type { JournalEntry } from "../../journal/entry.js";
import type { AwsLedgerCall } from "../../model/aws.js";

/** A call as the ledger keeps it. */
export interface LedgerCall extends AwsLedgerCall {
  readonly at: string;
  readonly rule: string;
  readonly error: string | null;
}

/** What became of AWS. Every call that changes something, or would, is in exactly one of the lists. */
export interface AwsLedger {
  /** All of them, in the order of time. */
  readonly calls: readonly LedgerCall[];
  readonly read: number;
  /** AWS did it. */
  readonly done: readonly LedgerCall[];
  /** They were sent, and what became of them is not known. */
  readonly unknown: readonly LedgerCall[];
  /** AWS refused or failed. */
  readonly failed: readonly LedgerCall[];
  /** Never sent: reads as well. */
  readonly denied: readonly LedgerCall[];
  /** Never sent, in a dry run. */
  readonly wouldHave: readonly LedgerCall[];
}

const text = z.string().check(z.maxLength(4_096));
const texts = z.array(text).check(z.maxLength(1_000));
const number = z.int().check(z.nonnegative());
const levels = ["list", "read", "write", "tagging", "permissions", "unknown"] as const;

const callSchema = z.object({
  ...{ call: number, service: text, operation: text, actions: texts, level: z.enum(levels), region: text },
  ...{ account: z.nullable(text), resources: texts, decision: text, rule: text },
});

const resultSchema = z.object({
  ...{ call: number, status: z.nullable(number), error: z.nullable(text) },
  ...{ created: texts, changed: texts, deleted: texts },
});

function parse<T>(schema: z.ZodMiniType<T>, { seq, data }: JournalEntry): T {
  const parsed = z.safeParse(schema, data);
  if (parsed.success) return parsed.data;
  throw new AirlockError(
    "E_JOURNAL_DAMAGED",
    `entry ${seq} of the journal is not a call of AWS as it is written down`,
    {
      hint: "airlock log --verify says whether the chain is whole",
    },
  );
}

const begin = (entry: JournalEntry): LedgerCall => {
  const nothing = { created: [], changed: [], deleted: [], status: null, error: null };
  return { ...nothing, ...parse(callSchema, entry), at: entry.at };
};

/** Whether a call only looks. */
export const isRead = ({ level }: LedgerCall): boolean => level === "list" || level === "read";

const wasSent = ({ decision }: LedgerCall): boolean => decision === "allowed" || decision === "asked-allowed";
const succeeded = ({ status }: LedgerCall): boolean => status !== null && status < 400;

/** Reads the calls of a session out of its journal, each with its end. */
export async function readLedger(entries: AsyncIterable<JournalEntry>): Promise<AwsLedger> {
  const calls: LedgerCall[] = [];
  // A gateway that was started again counts from the beginning: a result belongs to the last call of its number.
  const places = new Map<number, number>();
  for await (const entry of entries) {
    if (entry.kind === "aws.call") {
      const call = begin(entry);
      // What was asked about and waits is asked about again, under a number of its own.
      places.set(call.call, calls.length);
      calls.push(call);
    } else if (entry.kind === "aws.result") {
      const result = parse(resultSchema, entry);
      const place = places.get(result.call);
      const call = place === undefined ? undefined : calls[place];
      if (place !== undefined && call !== undefined) calls[place] = { ...call, ...result };
    }
  }
  const sent = calls.filter(wasSent);
  const changing = sent.filter((call) => !isRead(call));
  return {
    calls,
    read: sent.filter(isRead).length,
    done: changing.filter(succeeded),
    unknown: changing.filter(({ status }) => status === null),
    failed: changing.filter((call) => call.status !== null && !succeeded(call)),
    denied: calls.filter(({ decision }) => decision === "denied" || decision === "asked-denied"),
    wouldHave: calls.filter(({ decision }) => decision === "would-have"),
  };
}
