import { resourceNames } from "../../aws/arns.js";
import type { AwsTable } from "../../aws/table.js";
import type { CallResult, DecidedCall } from "../../gateway/house.js";
import type { JournalEvent } from "../../model/journal.js";

const maxResources = 20;
const maxIds = 50;
const maxText = 1_000;

const few = (texts: readonly string[], most: number): string[] =>
  texts.slice(0, most).map((each) => each.slice(0, maxText));

/** A call as the journal has it (docs/formats.md). */
export function callEvent(table: AwsTable, account: string | null, decided: DecidedCall): JournalEvent {
  const { number, call, decision, rule, by } = decided;
  const { service, operation, actions, level, region } = call;
  const resources = few(resourceNames(table, call, account), maxResources);
  const named = { service, operation, actions, level, region, account, resources };
  return { kind: "aws.call", data: { call: number, ...named, decision, rule: rule.slice(0, maxText), by } };
}

/** What came of it. */
export function resultEvent({ number, status, error, effects, milliseconds }: CallResult): JournalEvent {
  const { created, changed, deleted } = effects;
  const ids = { created: few(created, maxIds), changed: few(changed, maxIds), deleted: few(deleted, maxIds) };
  const data = { call: number, status, error: error?.slice(0, maxText) ?? null, ...ids, ms: milliseconds };
  return { kind: "aws.result", data, isOutcome: true };
}
