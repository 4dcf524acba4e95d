import { displayPath } from "../src/base/escape.js";
import { type ListRow, listRows } from "../src/cli/reviewer/list-rows.js";
import { type StagedPart, stagedLines } from "../src/cli/reviewer/toggles.js";
import type { DocMessage, LookMessage, StagedMessage, StateMessage } from "../src/cli/web/messages.js";
import type { Change } from "../src/model/change.js";
import { comesFirst } from "../src/risk/comes-first.js";

export type StagedMap = ReadonlyMap<string, StagedPart<DocMessage>>;

export const filters = ["all", "deletions and high risk", "conflicts", "staged", "not staged", "with a note"] as const;

export type Filter = (typeof filters)[number];

/** Everything that the page knows. */
export interface Store {
  look: LookMessage;
  state: StateMessage | null;
  readonly closed: Set<string>;
  staged: StagedMap;
  readonly notes: Map<string, string>;
  filter: Filter;
  query: string;
  rows: readonly ListRow[];
  doc: DocMessage | null;
  layout: "unified" | "split";
}

export function newStore(look: LookMessage): Store {
  return {
    ...{ look, state: null, closed: new Set<string>(), staged: new Map(), notes: new Map<string, string>() },
    ...{ filter: "all", query: "", rows: [], doc: null, layout: "unified" },
  };
}

function passes({ staged, notes }: Store, filter: Filter): (change: Change) => boolean {
  if (filter === "deletions and high risk") return comesFirst;
  if (filter === "conflicts") return ({ conflict }) => conflict;
  if (filter === "staged") return ({ path }) => staged.has(path);
  if (filter === "not staged") return ({ path }) => !staged.has(path);
  if (filter === "with a note") return ({ path }) => notes.has(path);
  return () => true;
}

/** Makes the rows that the list shows now. */
export function relist(store: Store): void {
  const wanted = store.query.toLowerCase();
  const changes = store.look.changes
    .filter(passes(store, store.filter))
    .filter(({ path }) => wanted === "" || displayPath(path).toLowerCase().includes(wanted));
  store.rows = listRows({ changes, closed: store.closed, infos: [] });
}

const contentOf = ({ kind, before, after }: Change): string => JSON.stringify([kind, before, after]);

/** Takes a newer look over; what is staged stays where the change is still the very same. How many are not. */
export function takeLook(store: Store, look: LookMessage): number {
  const before = new Map(store.look.changes.map((change) => [change.path, contentOf(change)]));
  const same = new Set(
    look.changes.filter((each) => before.get(each.path) === contentOf(each)).map(({ path }) => path),
  );
  const staged = new Map([...store.staged].filter(([path]) => same.has(path)));
  const dropped = store.staged.size - staged.size;
  store.look = look;
  store.staged = staged;
  if (store.doc !== null && !same.has(store.doc.path)) store.doc = null;
  relist(store);
  return dropped;
}

/** What is staged, as the server is told. */
export function stagedMessage({ look, staged }: Store): StagedMessage[] {
  return look.changes.flatMap(({ path }, at): StagedMessage[] => {
    const how = staged.get(path);
    if (how === undefined) return [];
    return [how === "all" ? { at } : { at, doc: { id: how.doc.id, lines: [...how.lines] } }];
  });
}

/** Whether some paths are staged: all of all of them, a part, nothing. */
export function stagedState(staged: StagedMap, paths: readonly string[]): "true" | "mixed" | "false" {
  const hows = paths.map((path) => staged.get(path));
  if (hows.length > 0 && hows.every((how) => how === "all")) return "true";
  return hows.some((how) => how !== undefined) ? "mixed" : "false";
}

/** The lines of a diff that are staged. */
export function linesStaged({ staged }: Store, doc: DocMessage): ReadonlySet<number> {
  const how = staged.get(doc.path);
  return stagedLines(how, how === undefined || how === "all" ? doc : how.doc);
}
