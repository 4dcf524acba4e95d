/** How the change set asks for what the layer's files hold; the keeper answers. Paths are regular files of the layer. */
export interface LayerContents {
  /** SHA-256 in hex of each file; what cannot be read is left out. */
  hash(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** The first bytes of each file; what cannot be read is left out. */
  heads(paths: readonly string[], bytes: number, signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>>;
  /** A whole file; null when there is none or it is larger than that. */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null>;
}
