import { createHash } from "node:crypto";
import { planApply } from "../../../src/apply/plan.js";
import type { ApplyPlan } from "../../../src/model/apply.js";
import type { Change, EntryState, LayerEntry } from "../../../src/model/change.js";

type PlanInput = Parameters<typeof planApply>[0];

/** What a path is: text is a file's content, null a folder, anything else as it says. */
export type Spec = string | null | { readonly to: string } | EntryState;
export type World = Readonly<Record<string, Spec>>;

/** Of text as Latin-1, the form in which tests write bytes. */
export function sha256(content: string): string {
  return createHash("sha256").update(content, "latin1").digest("hex");
}

/** A file's state with the hash of its content. */
export function file(content: string, mode = 0o644): EntryState {
  return { type: "file", mode, size: content.length, sha256: sha256(content) };
}

export function dir(mode = 0o755): EntryState {
  return { type: "dir", mode, size: 0 };
}

export const fifo: EntryState = { type: "special", mode: 0o644, size: 0 };

function stateOf(spec: Spec | undefined): EntryState | null {
  if (spec === undefined) return null;
  if (spec === null) return dir();
  if (typeof spec === "string") return file(spec);
  return "to" in spec ? { type: "symlink", mode: 0o777, size: spec.to.length, target: spec.to } : spec;
}

function kindOf(before: EntryState | null, after: EntryState | null): Change["kind"] | null {
  if (before === null || after === null) return before === null ? "added" : "deleted";
  if (before.type !== after.type) return "type";
  if (before.sha256 !== after.sha256 || before.target !== after.target) return "modified";
  return before.mode === after.mode ? null : "mode";
}

/** The changes that lead from one world to another. */
export function changesBetween(before: World, after: World, more: Partial<Change> = {}): Change[] {
  const changes: Change[] = [];
  for (const path of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    const [old, now] = [stateOf(before[path]), stateOf(after[path])];
    const kind = kindOf(old, now);
    if (kind === null) continue;
    const type = (now ?? old)?.type ?? "file";
    const plain = { binary: false, risk: { level: "none", reasons: [] } as const, conflict: false, masked: false };
    changes.push({ path, kind, type, before: old, after: now, ...plain, ...more });
  }
  return changes;
}

/** An entry of the layer with nothing special about it. */
export function entryOf(path: string, more: Partial<LayerEntry> = {}): LayerEntry {
  const blank = {
    opaque: false,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeNs: 1n,
    links: 1,
    inode: "1",
    attributes: [],
  };
  return { path, kind: "file", ...blank, ...more };
}

/** The names that a world has in a folder. */
export function namesIn(world: World, folder: string): string[] {
  const prefix = folder === "" ? "" : `${folder}/`;
  return Object.keys(world)
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length))
    .filter((name) => name !== "" && !name.includes("/"));
}

/** Plans an apply of the paths chosen (all by default) on a host that is `host`. */
export function planFor(
  host: World,
  changes: readonly Change[],
  more: Partial<PlanInput> & { readonly paths?: readonly string[] } = {},
): ApplyPlan {
  const { paths, ...rest } = more;
  return planApply({
    changes,
    chosen: paths === undefined ? changes : changes.filter(({ path }) => paths.includes(path)),
    overrides: new Map(),
    entries: new Map(),
    policy: "fail",
    session: "brisk-otter-3f2a",
    siblings: (folder) => namesIn(host, folder),
    mergeOf: () => null,
    ...rest,
  });
}

/** A plan in short: what is written where, what is left. */
export function inShort({ operations, skipped, conflicts }: ApplyPlan): {
  readonly made: string[];
  readonly skipped: string[];
  readonly conflicts: string[];
} {
  return {
    made: operations.map(({ path, after }) => `${after === null ? "-" : after.type === "dir" ? "/" : "+"}${path}`),
    skipped: skipped.map(({ path }) => path),
    conflicts: conflicts.map(({ path }) => path),
  };
}
