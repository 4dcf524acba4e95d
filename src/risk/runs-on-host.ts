import type { ChangeKind, EntryState } from "../model/change.js";
import { isInsideGit } from "./canonical.js";
import type { CatalogueEntry } from "./catalogue.js";
import { compareSettings, settingsReason, type YamlParser } from "./changed-settings.js";
import { contentFormatOf } from "./content-format.js";
import type { SeenContents } from "./content-reasons.js";
import { lockReasons } from "./lock-reasons.js";
import { catalogueEntries } from "./match-catalogue.js";

interface HostInput {
  readonly kind: ChangeKind;
  readonly before: EntryState | null;
  readonly after: EntryState | null;
  readonly contents?: SeenContents | undefined;
  readonly parseYaml?: YamlParser | undefined;
}

interface Pair {
  readonly before: Uint8Array | null;
  readonly after: Uint8Array;
}

/** Both contents, whole; a text says why they are not known; null where there is no new content to look at. */
function wholeContents({ kind, before, after, contents }: HostInput): Pair | string | null {
  if (after?.type !== "file" || kind === "mode" || kind === "deleted") return null;
  if (contents?.uncompared !== undefined) return `it ${contents.uncompared}`;
  const now = contents?.after;
  if (now === undefined || now.cut !== undefined) return `it ${now?.cut ?? "cannot be read"}`;
  if (before?.type !== "file") return { before: null, after: now.bytes };
  const old = contents?.before;
  if (old === undefined || old.cut !== undefined) return `it ${old?.cut ?? "could not be read"}`;
  return { before: old.bytes, after: now.bytes };
}

function detailed(
  entry: CatalogueEntry,
  names: readonly string[],
  { before, parseYaml }: HostInput,
  pair: Pair,
): { high: readonly string[]; low: readonly string[] } {
  if (entry.locks === true) {
    const { level, reasons } = lockReasons(entry, names, pair);
    return level === "high" ? { high: reasons, low: [] } : { high: [], low: reasons };
  }
  const change = compareSettings(names, pair, parseYaml);
  const found = change === null ? null : settingsReason(entry, change, before?.type !== "file");
  if (found === null) return { high: change === null ? [entry.reason] : [], low: [] };
  return found.level === "high" ? { high: [found.reason], low: [] } : { high: [], low: [found.reason] };
}

/** Why a path (as canonical names) matters to the host: what runs or obeys it, and which of its keys changed. */
export function hostReasons(
  names: readonly string[],
  input: HostInput,
): { readonly high: readonly string[]; readonly low: readonly string[] } {
  const isFolder = (input.after ?? input.before)?.type === "dir" && input.before?.type !== "file";
  const [first, ...others] = catalogueEntries(names, isFolder);
  if (first === undefined) return { high: [], low: [] };
  const rest = others.map(({ reason }) => reason);
  // A folder by itself runs nothing: what is in it is judged one by one. git's own may hold what is not shown.
  if (isFolder && !isInsideGit(names)) return { high: [], low: [first.reason, ...rest] };
  const pair = isFolder ? null : wholeContents(input);
  if (pair === null) return { high: [first.reason, ...rest], low: [] };
  if (typeof pair === "string") {
    const isRead = first.locks === true || contentFormatOf(names) !== null;
    return {
      high: [isRead ? `${first.reason}; what changed cannot be told: ${pair}` : first.reason, ...rest],
      low: [],
    };
  }
  const { high, low } = detailed(first, names, input, pair);
  return { high: [...high, ...rest], low };
}

/** Whether both contents of a path, whole, tell more of its risk than their beginnings; `long` where files are long as a rule. */
export function wantsContents(path: readonly string[]): "no" | "whole" | "long" {
  const entries = catalogueEntries(path, false);
  if (entries.length === 0) return "no";
  if (entries[0]?.locks === true) return "long";
  const format = contentFormatOf(path);
  return format === null || format === "lines" ? "no" : "whole";
}

/** Whether the YAML reader is needed to tell what changed in a path. */
export function wantsYaml(path: readonly string[]): boolean {
  const [first] = catalogueEntries(path, false);
  return first !== undefined && first.locks !== true && contentFormatOf(path) === "yaml";
}
