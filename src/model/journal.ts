/** Something that happened to a session; `kind` is dotted (`sandbox.start`, `wall.proved`), the rest is plain data without secrets. */
export interface JournalEvent {
  readonly kind: string;
  readonly data?: Readonly<Record<string, unknown>>;
  /** What came of something that is on the disk already: it need not be waited for, as nothing hangs on it. */
  readonly isOutcome?: true;
}

/** Appends events durably; rejects with `E_JOURNAL_WRITE` when it cannot, and then the operation must not go on. */
export type RecordEvent = (...events: readonly JournalEvent[]) => Promise<void>;
