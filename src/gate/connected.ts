import type { Duplex } from "node:stream";

/** The other end of a connection. */
export interface Connected {
  readonly socket: Duplex;
  /** Null: it is this very process. */
  readonly address: string | null;
  /** Where TLS ends here: why the client broke off, if it did now; null when it had what it wanted. */
  readonly unfinished?: () => string | null;
}

/** Where to, and for how long that is wanted. */
export interface Connecting {
  readonly addresses: readonly string[];
  readonly signal: AbortSignal;
  /** Told why an end that was made here failed later. */
  readonly broken: (why: string) => void;
}

/** How long what was sent last may take. */
export const lingerMs = 5_000;

/** What was sent last may still be on its way; a server that does not end in turn is not waited for. Nothing is kept for one that did. */
export function closeSocket(socket: Duplex, clean: boolean): void {
  if (!clean) socket.destroy();
  if (socket.destroyed) return;
  const late = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once("close", () => clearTimeout(late));
}
