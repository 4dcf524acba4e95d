import { setImmediate } from "node:timers/promises";
import type { Change } from "../model/change.js";
import type { HiddenFile } from "../model/session.js";
import type { BaseReader } from "./base-reader.js";
import type { Draft, ScannedEntry } from "./draft.js";
import { HiddenPaths } from "./hidden-paths.js";
import type { LayerContents } from "./layer-contents.js";
import { newReadBudget } from "./read-contents.js";
import { LayerScan } from "./scan-layer.js";
import { type HashScope, settleDrafts } from "./settle.js";

/** What a change set may cost before it is refused. */
interface ChangeSetLimits {
  /** Entries of the layer. */
  readonly entries: number;
  /** A file above this apparent size is not read, only named: a sparse one costs the agent nothing. */
  readonly hashBytes: number;
}

const defaultChangeSetLimits: ChangeSetLimits = { entries: 2_000_000, hashBytes: 16 * 1024 ** 3 };

/** Entries that come together, or one alone. */
type EntryGroup = ScannedEntry | readonly ScannedEntry[];

export interface ChangeSetInput {
  /** The layer's entries in tree order: names by their bytes within each folder, a folder before what it holds. */
  readonly entries: AsyncIterable<EntryGroup> | Iterable<EntryGroup>;
  readonly layer: LayerContents;
  readonly base: BaseReader;
  readonly hidden: readonly HiddenFile[];
  /** Host entries that changed later than this are conflicts. */
  readonly baseTimeMs: number;
  /** The ctime (milliseconds, as `BaseReader` gives it) that entries of the host had when an apply of this session left them. */
  readonly settled?: ReadonlyMap<string, number>;
  readonly limits?: ChangeSetLimits;
  readonly hashes?: HashScope;
  /** False: nothing is read but what tells whether there is a change, so the risk is what the path says. */
  readonly readsContents?: boolean;
  /** Told, with `hashes: "all"`, of contents of the layer that were read whole. */
  readonly onContent?: (path: string, bytes: Uint8Array) => void;
  readonly signal: AbortSignal;
}

const batchSize = 128;

/**
 * The difference between a base and the layer over it, in tree order. Its cost follows the layer: the base is looked at
 * only where the layer has something, and below folders that the layer deleted. Memory does not grow with the changes.
 */
export async function* buildChangeSet(input: ChangeSetInput): AsyncGenerator<Change, void, void> {
  const limits = input.limits ?? defaultChangeSetLimits;
  const settled = {
    ...input,
    limits,
    hashes: input.hashes ?? "needed",
    readsContents: input.readsContents ?? true,
    budget: newReadBudget(),
  };
  let batch: Draft[] = [];
  let settling: Promise<Change[]> | null = null;
  for await (const drafts of scan(input, limits)) {
    for (const draft of drafts) {
      batch.push(draft);
      if (batch.length < batchSize) continue;
      // The keeper reads for one batch while the one before is judged here.
      const before: Promise<Change[]> | null = settling;
      settling = settleDrafts(batch, settled);
      // It is waited for a round later, and not at all by a reader that stops.
      settling.catch(() => undefined);
      batch = [];
      if (before !== null) yield* await before;
      // Looking is synchronous: without a pause here no signal would ever be noticed.
      await setImmediate();
    }
  }
  if (settling !== null) yield* await settling;
  yield* await settleDrafts(batch, settled);
}

/** The drafts of each group of entries, found as they are taken. */
async function* scan(input: ChangeSetInput, limits: ChangeSetLimits): AsyncGenerator<Iterable<Draft>, void, void> {
  const { base, baseTimeMs, signal } = input;
  const layer = new LayerScan({
    base,
    baseTimeMs,
    settled: input.settled ?? new Map(),
    hidden: new HiddenPaths(input.hidden),
    maxEntries: limits.entries,
  });
  for await (const group of input.entries) yield abortable(takeAll(layer, group), signal);
  yield abortable(layer.finish(), signal);
}

function* takeAll(layer: LayerScan, group: EntryGroup): Generator<Draft, void, void> {
  const entries: readonly ScannedEntry[] = "path" in group ? [group] : group;
  for (const entry of entries) yield* layer.take(entry);
}

function* abortable(drafts: Iterable<Draft>, signal: AbortSignal): Generator<Draft, void, void> {
  signal.throwIfAborted();
  for (const draft of drafts) {
    signal.throwIfAborted();
    yield draft;
  }
}
