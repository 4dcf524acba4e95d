const graceMs = 5_000;
const keepMs = 11 * 60_000;
const maxKnown = 50_000;

/**
 * Knows signatures again. Their time has a resolution of a second, so a client that makes the same call twice within one signs the same:
 * that is no replay. The same signature long after its date is one.
 */
export class ReplayGuard {
  readonly #seen = new Map<string, number>();

  /** Takes note of a signature of that date; false when it comes back too late to be the same client's second call. */
  admits(signature: string, signedAt: number, now: number): boolean {
    for (const [known, until] of this.#seen) {
      if (until > now && this.#seen.size < maxKnown) break;
      this.#seen.delete(known);
    }
    if (this.#seen.has(signature)) return now <= signedAt + graceMs;
    this.#seen.set(signature, now + keepMs);
    return true;
  }
}
