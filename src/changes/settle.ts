import type { Change, ChangeKind, EntryState } from "../model/change.js";
import { assessRisk } from "../risk/assess.js";
import { holdsManifest } from "../risk/package-json.js";
import type { BaseReader } from "./base-reader.js";
import type { Draft } from "./draft.js";
import type { LayerContents } from "./layer-contents.js";

/**
 * Which files are hashed. `needed`: where that decides something; `shown`: also those whose content is not shown to people
 * because it is binary or large; `all`: every file of a change, on both sides.
 */
export type HashScope = "needed" | "shown" | "all";

/** A content above this is named, with its size and hash, and not shown. */
export const largestShown = 1024 * 1024;

interface SettleInput {
  readonly layer: LayerContents;
  readonly base: BaseReader;
  readonly limits: { readonly hashBytes: number };
  readonly hashes: HashScope;
  readonly signal: AbortSignal;
}

interface Decided {
  readonly draft: Draft;
  readonly kind: ChangeKind;
  readonly before: EntryState | null;
  readonly after: EntryState | null;
  readonly warnings: readonly string[];
}

interface Heads {
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

// As much as git looks at to tell text from binary.
const headBytes = 8000;
const manifestBytes = 64 * 1024;

/** Turns differences in looks into changes: compares contents where only they can tell, and judges the risk. */
export async function settleDrafts(drafts: readonly Draft[], input: SettleInput): Promise<Change[]> {
  const layerHashes = await hashLayer(drafts, input);
  const decided: Decided[] = [];
  for (const draft of drafts) {
    const one = await decide(draft, layerHashes, input);
    if (one !== null) decided.push(one);
  }
  const afterHeads = await readLayer(decided, input);
  const changes: Change[] = [];
  for (const one of decided) changes.push(await finish(one, afterHeads, input));
  return changes;
}

function isFile(state: EntryState | null): state is EntryState {
  return state?.type === "file";
}

async function hashLayer(drafts: readonly Draft[], input: SettleInput): Promise<ReadonlyMap<string, string>> {
  const wanted = drafts.filter(
    ({ kind, after }) =>
      isFile(after) &&
      after.sha256 === undefined &&
      after.size <= input.limits.hashBytes &&
      (kind === "undecided" || input.hashes === "all"),
  );
  if (wanted.length === 0) return new Map();
  return await input.layer.hash(
    wanted.map(({ path }) => path),
    input.signal,
  );
}

async function decide(
  draft: Draft,
  layerHashes: ReadonlyMap<string, string>,
  input: SettleInput,
): Promise<Decided | null> {
  const { path, kind } = draft;
  const after = withHash(draft.after, layerHashes.get(path));
  const small = isFile(draft.before) && draft.before.size <= input.limits.hashBytes;
  const hashBase = small && (kind === "undecided" || input.hashes === "all");
  const before = withHash(draft.before, (hashBase && (await input.base.hash(path, input.signal))) || undefined);
  if (kind !== "undecided") return { draft, kind, before, after, warnings: draft.warnings };
  if (before?.sha256 === undefined || after?.sha256 === undefined) {
    const warnings = [...draft.warnings, "cannot be compared with the base, so it is taken for changed"];
    return { draft, kind: "modified", before, after, warnings };
  }
  if (before.sha256 !== after.sha256) return { draft, kind: "modified", before, after, warnings: draft.warnings };
  return before.mode === after.mode ? null : { draft, kind: "mode", before, after, warnings: draft.warnings };
}

function withHash(state: EntryState | null, sha256: string | undefined): EntryState | null {
  return state === null || sha256 === undefined ? state : { ...state, sha256 };
}

function hasNewContent({ kind, after }: Decided): boolean {
  return isFile(after) && kind !== "mode" && after.size > 0;
}

async function readLayer(decided: readonly Decided[], input: SettleInput): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = decided.filter(hasNewContent);
  const whole = files.filter(({ draft }) => holdsManifest(draft.path)).map(({ draft }) => draft.path);
  const others = files.map(({ draft }) => draft.path).filter((path) => !holdsManifest(path));
  const heads = new Map<string, Uint8Array>();
  for (const [paths, bytes] of [
    [others, headBytes],
    [whole, manifestBytes],
  ] as const) {
    if (paths.length === 0) continue;
    for (const [path, head] of await input.layer.heads(paths, bytes, input.signal)) heads.set(path, head);
  }
  return heads;
}

async function readBase({ draft, kind, before }: Decided, input: SettleInput): Promise<Uint8Array | undefined> {
  if (!isFile(before) || kind === "mode" || before.size === 0) return undefined;
  if (kind === "deleted" && input.hashes !== "all") return undefined;
  const bytes = holdsManifest(draft.path) ? manifestBytes : headBytes;
  return (await input.base.read(draft.path, bytes, input.signal)) ?? undefined;
}

function isBinary(head: Uint8Array | undefined): boolean {
  return head?.subarray(0, headBytes).includes(0) ?? false;
}

function wholeContents({ before, after }: Decided, heads: Heads) {
  const complete = heads.before?.length === before?.size && heads.after?.length === after?.size;
  if (!complete || heads.before === undefined || heads.after === undefined) return undefined;
  return { before: heads.before, after: heads.after };
}

async function hashUnshown(one: Decided, binary: boolean, input: SettleInput): Promise<Decided> {
  const { draft, kind, before, after } = one;
  const large = Math.max(before?.size ?? 0, after?.size ?? 0) > largestShown;
  if (input.hashes !== "shown" || kind === "deleted" || !(binary || large)) return one;
  const missing = (state: EntryState | null) =>
    isFile(state) && state.sha256 === undefined && state.size <= input.limits.hashBytes;
  const old = missing(before) ? await input.base.hash(draft.path, input.signal) : null;
  const now = missing(after) ? await input.layer.hash([draft.path], input.signal) : new Map<string, string>();
  return { ...one, before: withHash(before, old ?? undefined), after: withHash(after, now.get(draft.path)) };
}

async function finish(one: Decided, afterHeads: ReadonlyMap<string, Uint8Array>, input: SettleInput): Promise<Change> {
  const { draft, kind } = one;
  const { path, conflict, masked, remarks } = draft;
  const heads: Heads = { before: await readBase(one, input), after: afterHeads.get(path) };
  const binary = isBinary(heads.after) || isBinary(heads.before);
  const { before, after } = await hashUnshown(one, binary, input);
  const risk = assessRisk({
    path,
    kind,
    before,
    after,
    masked,
    binary,
    warnings: one.warnings,
    remarks,
    head: heads.after,
    contents: holdsManifest(path) ? wholeContents(one, heads) : undefined,
  });
  const type = (after ?? before)?.type ?? "file";
  return { path, kind, type, before, after, binary, risk, conflict, masked };
}
