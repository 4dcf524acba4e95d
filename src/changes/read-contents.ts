import { isAirlockError } from "../base/errors.js";
import type { ChangeKind, EntryState } from "../model/change.js";
import { canonicalNames } from "../risk/canonical.js";
import type { SeenContent, SeenContents } from "../risk/content-reasons.js";
import { wantsContents, wantsYaml } from "../risk/runs-on-host.js";
import type { BaseReader } from "./base-reader.js";
import type { Draft } from "./draft.js";
import type { LayerContents } from "./layer-contents.js";

/** A difference that is one, its kind known. */
export interface Decided {
  readonly draft: Draft;
  readonly kind: ChangeKind;
  readonly before: EntryState | null;
  readonly after: EntryState | null;
  readonly warnings: readonly string[];
}

/** What a whole change set may cost beyond the beginnings of its files. */
export interface ReadBudget {
  /** Bytes of long files. */
  read: number;
  /** Bytes of files that are compared by their structure; YAML counts as many times more. */
  compared: number;
}

/** A budget that nobody's work comes near, and that a layer made to be slow does not exceed. */
export function newReadBudget(): ReadBudget {
  return { read: 64 * 1024 * 1024, compared: 64 * 1024 * 1024 };
}

interface ReadInput {
  readonly layer: LayerContents;
  readonly base: BaseReader;
  readonly budget: ReadBudget;
  readonly signal: AbortSignal;
  /** Whether to look at deleted files as well, to tell binary from text. */
  readonly wantDeleted: boolean;
}

// Most source files are smaller, so that one batch reads them whole; it is also the most that the keeper gives in one.
const beginningBytes = 64 * 1024;
// To tell binary from text, and for the first secrets.
const glanceBytes = 8000;
const wholeBytes = 1024 * 1024;
// Lock files of large projects are longer than anything that people write.
const longBytes = 4 * 1024 * 1024;
// YAML takes so many times longer than JSON.
const yamlWeight = 32;
const rarelyText =
  /\.(?:png|jpe?g|gif|webp|avif|ico|bmp|tiff?|psd|woff2?|ttf|otf|eot|mp[34]|m4a|ogg|wav|flac|webm|mov|avi|mkv|pdf|zip|gz|tgz|bz2|xz|zst|7z|rar|jar|war|class|so|dylib|dll|exe|o|a|wasm|node|pyc|sqlite3?|db|bin|dat|parquet|npy|npz|pt|onnx|safetensors)$/i;

interface Wish {
  readonly path: string;
  /** Bytes read in the batch. */
  readonly first: number;
  /** Up to which size the whole file is read. */
  readonly whole: number;
  /** What a byte costs to compare by structure; 0: it is not. */
  readonly comparing: number;
}

function wishFor(path: string): Wish {
  if (rarelyText.test(path)) return { path, first: glanceBytes, whole: glanceBytes, comparing: 0 };
  const names = canonicalNames(path);
  const wants = wantsContents(names);
  const comparing = wants === "no" ? 0 : wantsYaml(names) ? yamlWeight : 1;
  return { path, first: beginningBytes, whole: wants === "long" ? longBytes : wholeBytes, comparing };
}

function isFile(state: EntryState | null): state is EntryState {
  return state?.type === "file";
}

/**
 * Reads both sides of the files among changes: in one batch all of the layer's files that are small or that the budget
 * allows, of the others the beginnings. What was not read is told with the content.
 */
export async function readContents(
  decided: readonly Decided[],
  input: ReadInput,
): Promise<ReadonlyMap<string, SeenContents>> {
  const wishes = new Map(decided.map(({ draft }) => [draft.path, wishFor(draft.path)]));
  const found = await readAfter(decided, wishes, input);
  const contents = new Map<string, SeenContents>();
  for (const one of decided) {
    const wish = wishes.get(one.draft.path);
    if (wish === undefined || one.kind === "mode") continue;
    const after = isFile(one.after) ? seen(found.get(one.draft.path), one.after, wish) : undefined;
    const before = isFile(one.before) ? await readBefore(one, one.before, wish, after, input) : undefined;
    if (before === undefined && after === undefined) continue;
    const cost = wish.comparing * ((before?.bytes.length ?? 0) + (after?.bytes.length ?? 0));
    const isTooMuch = cost > 0 && !takes(input.budget, "compared", cost);
    contents.set(one.draft.path, { before, after, ...(isTooMuch ? { uncompared: "is one of too many" } : {}) });
  }
  return contents;
}

function seen(bytes: Uint8Array | null | undefined, { size }: EntryState, wish: Wish): SeenContent | undefined {
  if (size === 0) return { bytes: new Uint8Array() };
  if (bytes === null || bytes === undefined) return undefined;
  if (bytes.length === size) return { bytes };
  return { bytes, cut: size > wish.whole ? "is too large to be read whole" : "is one of too many large files" };
}

function isText(head: Uint8Array): boolean {
  return !head.subarray(0, glanceBytes).includes(0);
}

function takes(budget: ReadBudget, kind: keyof ReadBudget, bytes: number): boolean {
  if (budget[kind] < bytes) return false;
  budget[kind] -= bytes;
  return true;
}

function isReadWhole(size: number, { first, whole }: Wish, budget: ReadBudget): boolean {
  return size <= first || (size <= whole && takes(budget, "read", size));
}

async function readAfter(
  decided: readonly Decided[],
  wishes: ReadonlyMap<string, Wish>,
  { layer, budget, signal }: ReadInput,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const whole: string[] = [];
  const beginnings = new Map<number, string[]>([
    [beginningBytes, []],
    [glanceBytes, []],
  ]);
  const found = new Map<string, Uint8Array>();
  for (const { draft, kind, after } of decided) {
    const wish = wishes.get(draft.path);
    if (wish === undefined || !isFile(after) || kind === "mode" || after.size === 0) continue;
    if (draft.content?.length === after.size) found.set(draft.path, draft.content);
    else if (isReadWhole(after.size, wish, budget)) whole.push(draft.path);
    else beginnings.get(wish.first)?.push(draft.path);
  }
  for (const path of await fetchWhole(whole, found, layer, signal)) beginnings.get(beginningBytes)?.push(path);
  for (const [bytes, paths] of beginnings) {
    if (paths.length === 0) continue;
    for (const [path, head] of await layer.heads(paths, bytes, signal)) found.set(path, head);
  }
  return found;
}

/** Reads whole files into a map; gives back the paths that must be read in another way, as they change at this moment. */
async function fetchWhole(
  paths: readonly string[],
  found: Map<string, Uint8Array>,
  layer: LayerContents,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (paths.length === 0) return [];
  try {
    for await (const { path, size, parts } of layer.fetch(paths, signal)) {
      // Grown since it was listed: what is more than asked for is not held.
      if (parts === null || size > longBytes) continue;
      const bytes = Buffer.alloc(size);
      let at = 0;
      for await (const part of parts) {
        if (part instanceof Uint8Array) bytes.set(part, at);
        at += part instanceof Uint8Array ? part.length : part.hole;
      }
      found.set(path, bytes);
    }
  } catch (error) {
    if (!isAirlockError(error, "E_KEEPER_FAILED")) throw error;
  }
  return paths.filter((path) => !found.has(path));
}

async function readBefore(
  { draft, kind }: Decided,
  before: EntryState,
  wish: Wish,
  after: SeenContent | undefined,
  { base, budget, signal, wantDeleted }: ReadInput,
): Promise<SeenContent | undefined> {
  if (kind === "deleted" && !wantDeleted) return undefined;
  const isCompared = kind !== "deleted" && (after === undefined || isText(after.bytes));
  const bytes = !isCompared ? glanceBytes : isReadWhole(before.size, wish, budget) ? wish.whole : wish.first;
  return seen(before.size === 0 ? null : await base.read(draft.path, bytes, signal), before, wish);
}
