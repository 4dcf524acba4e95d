/**
 * Where a rendering gets contents from: the base and the layer. Of a symbolic link the content is its target. Null: it
 * cannot be read, or is larger than `maxBytes`.
 */
export interface ContentSource {
  readBefore(path: string, maxBytes: number): Promise<Uint8Array | null>;
  readAfter(path: string, maxBytes: number): Promise<Uint8Array | null>;
}
