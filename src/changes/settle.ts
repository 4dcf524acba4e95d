import { createHash } from "node:crypto";
import type { Change, EntryState } from "../model/change.js";
import { assessRisk } from "../risk/assess.js";
import { isBinary } from "../risk/binary-content.js";
import { canonicalNames } from "../risk/canonical.js";
import type { SeenContents } from "../risk/content-reasons.js";
import { wantsYaml } from "../risk/runs-on-host.js";
import type { BaseReader } from "./base-reader.js";
import type { Draft } from "./draft.js";
import type { LayerContents } from "./layer-contents.js";
import { type Decided, type ReadBudget, readContents } from "./read-contents.js";

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
  /** False: nothing is read but what tells whether there is a change, so the risk is what the path says. */
  readonly readsContents: boolean;
  readonly budget: ReadBudget;
  /** Told of contents of the layer that were read whole and whose hash the change has. */
  readonly onContent?: ((path: string, bytes: Uint8Array) => void) | undefined;
  readonly signal: AbortSignal;
}

/** Turns differences in looks into changes: compares contents where only they can tell, and judges the risk. */
export async function settleDrafts(drafts: readonly Draft[], input: SettleInput): Promise<Change[]> {
  const layerHashes = await hashLayer(drafts, input);
  const decided: Decided[] = [];
  for (const draft of drafts) {
    const one = decide(draft, layerHashes.get(draft.path), await hashBase(draft, input));
    if (one !== null) decided.push(one);
  }
  const contents: ReadonlyMap<string, SeenContents> = input.readsContents
    ? await readContents(decided, { ...input, wantDeleted: input.hashes === "all" })
    : new Map();
  const hashed = await hashRead(decided, contents, input);
  const parseYaml =
    input.readsContents && decided.some(changesYaml) ? (await import("../risk/parse-yaml.js")).parseYaml : undefined;
  const changes: Change[] = [];
  for (const one of hashed) {
    const seen = contents.get(one.draft.path);
    const binary = isBinary(seen?.after?.bytes) || isBinary(seen?.before?.bytes);
    // Waiting where nothing is waited for costs as much as judging.
    const full = hashesUnshown(one, binary, input) ? await hashUnshown(one, input) : one;
    changes.push(finish(full, binary, seen, parseYaml));
  }
  return changes;
}

// The library is worth its loading only where there is something to read.
function changesYaml({ draft, kind, after }: Decided): boolean {
  return isFile(after) && kind !== "mode" && after.size > 0 && wantsYaml(canonicalNames(draft.path));
}

function isFile(state: EntryState | null): state is EntryState {
  return state?.type === "file";
}

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function hasWhole({ content, after }: Draft): boolean {
  return content !== undefined && content.length === after?.size;
}

async function hashLayer(drafts: readonly Draft[], input: SettleInput): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  const rest: string[] = [];
  for (const draft of drafts) {
    if (draft.kind !== "undecided" || !lacksHash(draft.after, input)) continue;
    if (draft.content !== undefined && hasWhole(draft)) hashes.set(draft.path, hashOf(draft.content));
    else rest.push(draft.path);
  }
  for (const [path, hash] of await hashPaths(rest, input)) hashes.set(path, hash);
  return hashes;
}

function lacksHash(state: EntryState | null, { limits }: SettleInput): boolean {
  return isFile(state) && state.sha256 === undefined && state.size <= limits.hashBytes;
}

async function hashPaths(
  paths: readonly string[],
  { layer, signal }: SettleInput,
): Promise<ReadonlyMap<string, string>> {
  return paths.length === 0 ? new Map() : await layer.hash(paths, signal);
}

/** The hashes of what is changed for certain: of what was read whole anyway here, of the rest where it lies. */
async function hashRead(
  decided: readonly Decided[],
  contents: ReadonlyMap<string, SeenContents>,
  input: SettleInput,
): Promise<readonly Decided[]> {
  if (input.hashes !== "all") return decided;
  const hashes = new Map<string, string>();
  const rest: string[] = [];
  for (const { draft, after } of decided) {
    const content = contents.get(draft.path)?.after;
    const isWhole = content !== undefined && content.cut === undefined && content.bytes.length === after?.size;
    if (isWhole) input.onContent?.(draft.path, content.bytes);
    if (!lacksHash(after, input)) continue;
    if (isWhole) hashes.set(draft.path, hashOf(content.bytes));
    else rest.push(draft.path);
  }
  for (const [path, hash] of await hashPaths(rest, input)) hashes.set(path, hash);
  return decided.map((one) => ({ ...one, after: withHash(one.after, hashes.get(one.draft.path)) }));
}

/** The hash of the base's file, where it decides or is asked for. */
function hashBase({ path, kind, before }: Draft, input: SettleInput): Promise<string | null> | null {
  const wanted = kind === "undecided" || input.hashes === "all";
  return wanted && isFile(before) && before.size <= input.limits.hashBytes ? input.base.hash(path, input.signal) : null;
}

function decide(draft: Draft, layerHash: string | undefined, baseHash: string | null): Decided | null {
  const { kind } = draft;
  const after = withHash(draft.after, layerHash);
  const before = withHash(draft.before, baseHash ?? undefined);
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

function hashesUnshown({ kind, before, after }: Decided, binary: boolean, input: SettleInput): boolean {
  const large = Math.max(before?.size ?? 0, after?.size ?? 0) > largestShown;
  return input.hashes === "shown" && kind !== "deleted" && (binary || large);
}

async function hashUnshown(one: Decided, input: SettleInput): Promise<Decided> {
  const { draft, before, after } = one;
  const old = lacksHash(before, input) ? await input.base.hash(draft.path, input.signal) : null;
  const now = lacksHash(after, input) ? await input.layer.hash([draft.path], input.signal) : new Map<string, string>();
  return { ...one, before: withHash(before, old ?? undefined), after: withHash(after, now.get(draft.path)) };
}

function finish(
  { draft, kind, before, after, warnings }: Decided,
  binary: boolean,
  contents: SeenContents | undefined,
  parseYaml: Parameters<typeof assessRisk>[0]["parseYaml"],
): Change {
  const { path, conflict, masked, remarks } = draft;
  const risk = assessRisk({ path, kind, before, after, masked, binary, warnings, remarks, contents, parseYaml });
  const type = (after ?? before)?.type ?? "file";
  return { path, kind, type, before, after, binary, risk, conflict, masked };
}
