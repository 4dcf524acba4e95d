/** What becomes of bytes that a client sent. */
export interface Inspected {
  /** To be sent on. */
  readonly forward: readonly Buffer[];
  /** Why the connection ends here. */
  readonly violation: string | null;
}

/** Looks at what a client sends before it leaves. */
export interface Inspector {
  /** The client has said what it wants, and it is what was allowed. */
  readonly isSettled: boolean;
  inspect(piece: Buffer): Inspected;
  /** Told of what the server sends; what was held back until then is to be sent on. */
  answer?(piece: Buffer): readonly Buffer[];
}
