import { existsSync } from "node:fs";
import type { BaseReader } from "../changes/base-reader.js";
import { buildChangeSet } from "../changes/change-set.js";
import { type CollectedChanges, collectChanges } from "../changes/collect.js";
import { openHostBase } from "../changes/host-base.js";
import type { LayerContents } from "../changes/layer-contents.js";
import type { Change, LayerEntry } from "../model/change.js";
import type { HiddenFile, Layer, SessionRecord } from "../model/session.js";
import type { ListedEntry } from "../workspace/listed-entries.js";
import { applyFolder } from "./apply/apply-folder.js";
import type { Workbench } from "./workbench.js";

/** A session's changes, with what the render needs to show their contents. */
export interface SessionChanges extends CollectedChanges {
  readonly session: string;
  readonly base: { readonly path: string; readonly kind: string; readonly time: string };
  readonly hidden: readonly HiddenFile[];
}

interface ChangeOptions {
  /** `shown`: also of what a diff names without showing it. `all`: of every file on both sides, for machines to compare. */
  readonly hashes?: "needed" | "shown" | "all";
  /** False, where only the paths matter: nothing is read but what tells whether there is a change. */
  readonly readsContents?: boolean;
  /** Told of every entry of the layer. */
  readonly onEntry?: (entry: LayerEntry) => void;
  /** Told, with `hashes: "all"`, of contents of the layer that were read whole. */
  readonly onContent?: (path: string, bytes: Uint8Array) => void;
}

// Nearly every source file: what it holds is looked at for its risk in any case, so it comes with its entry.
const contents = 64 * 1024;

/** Where contents of a change come from: the host for what was, the keeper for what is. */
export interface SessionContents extends AsyncDisposable {
  readBefore(path: string, maxBytes: number): Promise<Uint8Array | null>;
  readAfter(path: string, maxBytes: number): Promise<Uint8Array | null>;
}

// Most files come with their entries: the second connection is made by the first that did not.
function layerContents(bench: Workbench, session: string, layer: string): LayerContents {
  return {
    hash: async (paths) => (await bench.contentKeeper()).hashFiles({ session, layer, paths }),
    heads: async (paths, bytes) => (await bench.contentKeeper()).readHeads({ session, layer, paths, bytes }),
    async *fetch(paths) {
      yield* (await bench.contentKeeper()).fetchFiles({ session, layer, paths });
    },
  };
}

const workspaceOf = ({ layers }: SessionRecord): Layer | undefined => layers.find(({ name }) => name === "workspace");

async function* watched(
  groups: AsyncIterable<readonly ListedEntry[]>,
  onEntry: ((entry: LayerEntry) => void) | undefined,
): AsyncGenerator<readonly ListedEntry[], void, void> {
  for await (const group of groups) {
    // Entries are kept, what they hold is not.
    if (onEntry !== undefined) for (const { content: _, ...entry } of group) onEntry(entry);
    yield group;
  }
}

// Most sessions were never applied: what reads the records is loaded for those that were.
async function settledOf(bench: Workbench, { id, baseTimeMs }: SessionRecord): Promise<ReadonlyMap<string, number>> {
  const folder = applyFolder(bench.home, id);
  if (!existsSync(folder)) return new Map();
  return (await import("../apply/applies.js")).settledStates(folder, baseTimeMs);
}

async function collectWorkspace(
  bench: Workbench,
  record: SessionRecord,
  base: BaseReader,
  options: ChangeOptions,
): Promise<CollectedChanges> {
  const keeper = await bench.keeper();
  const readsContents = options.readsContents ?? true;
  const listed = keeper.listLayer({ session: record.id, layer: "workspace", contents: readsContents ? contents : 0 });
  const changes = buildChangeSet({
    entries: watched(listed, options.onEntry),
    layer: layerContents(bench, record.id, "workspace"),
    base,
    hidden: record.hidden,
    baseTimeMs: record.baseTimeMs,
    settled: await settledOf(bench, record),
    hashes: options.hashes ?? "needed",
    readsContents,
    ...(options.onContent === undefined ? {} : { onContent: options.onContent }),
    signal: bench.signal,
  });
  return collectChanges(changes, base);
}

/** What a session changed in its project. */
export async function changesOf(
  bench: Workbench,
  record: SessionRecord,
  options: ChangeOptions = {},
): Promise<SessionChanges> {
  await using base = openHostBase(record.project.path);
  const collected = await collectWorkspace(bench, record, base, options);
  const kind = workspaceOf(record)?.base ?? "overlay";
  return {
    ...collected,
    session: record.id,
    base: { path: record.project.path, kind, time: new Date(record.baseTimeMs).toISOString() },
    hidden: record.hidden,
  };
}

/** Has the journal say how much a session has changed by now. */
export async function recordTotals(bench: Workbench, { session, totals }: SessionChanges): Promise<void> {
  await bench.recorder(session)({ kind: "changes.found", data: { ...totals }, isOutcome: true });
}

/** Opens both sides of a session's changes for reading. */
export async function openContents(
  bench: Workbench,
  record: SessionRecord,
  changes: readonly Change[],
): Promise<SessionContents> {
  const keeper = await bench.keeper();
  const base = openHostBase(record.project.path);
  const targets = new Map(
    changes.map(({ path, after }) => [path, after?.type === "symlink" ? (after.target ?? "") : null]),
  );
  const before = new Map(changes.map((change) => [change.path, change.before]));
  return {
    async readBefore(path, maxBytes) {
      const state = before.get(path);
      if (state?.type === "symlink") return Buffer.from(state.target ?? "");
      return (state?.size ?? 0) > maxBytes ? null : base.read(path, maxBytes, bench.signal);
    },
    async readAfter(path, maxBytes) {
      const target = targets.get(path);
      if (typeof target === "string") return Buffer.from(target);
      return keeper.readFile({ session: record.id, layer: "workspace", path, maxBytes });
    },
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
}
