import type { ContentPart } from "../model/apply.js";

/** How the change set asks for what the layer's files hold; the keeper answers. Paths are regular files of the layer. */
export interface LayerContents {
  /** SHA-256 in hex of each file; what cannot be read is left out. */
  hash(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** The first bytes of each file; what cannot be read is left out. */
  heads(paths: readonly string[], bytes: number, signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Whole files, in the order of `paths`; fails when one is cut short while it is read. */
  fetch(paths: readonly string[], signal: AbortSignal): AsyncIterable<WholeFile>;
}

/** A file as it comes; `parts` is null where there is none, and is to be read before the next file. */
export interface WholeFile {
  readonly path: string;
  readonly size: number;
  readonly parts: AsyncIterable<ContentPart> | null;
}
