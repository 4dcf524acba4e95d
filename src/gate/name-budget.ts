const most = 200;
const perSecond = 1;
const maxKnown = 4_096;

/** How many names that no rule writes out may be looked up: many at first, then slowly; those known before are free. */
export class NameBudget {
  readonly #known = new Set<string>();
  #tokens = most;
  #at = 0;

  takes(name: string, now: number): boolean {
    if (this.#known.has(name)) return true;
    if (this.#at > 0) this.#tokens = Math.min(most, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    const oldest = this.#known.values().next();
    if (this.#known.size >= maxKnown && oldest.done !== true) this.#known.delete(oldest.value);
    this.#known.add(name);
    return true;
  }
}
