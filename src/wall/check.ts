/** One thing about the wall that was asked for, and what was found. */
export interface WallCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: string;
  readonly found: string;
}

const show = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing"));

// `null`, absent and empty are the same answer: no such thing.
function normal(value: unknown): unknown {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map(normal).map(show).sort();
  if (typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, item]) => [key, normal(item)] as const);
  return entries.length === 0 ? [] : Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Compares without regard to the order of lists and fields. */
export function checkEqual(name: string, expected: unknown, found: unknown): WallCheck {
  const ok = show(normal(expected)) === show(normal(found));
  return { name, ok, expected: show(expected), found: show(found) };
}

/** A check whose condition is decided by the caller. */
export function check(name: string, ok: boolean, expected: string, found: unknown): WallCheck {
  return { name, ok, expected, found: show(found) };
}

/** Everything in a list is among what may be there. */
export function checkWithin(name: string, allowed: readonly string[], found: readonly string[]): WallCheck {
  const extra = found.filter((item) => !allowed.includes(item));
  return {
    name,
    ok: extra.length === 0,
    expected: allowed.length === 0 ? "none" : `only ${allowed.join(" ")}`,
    found: show(extra.length === 0 ? found : extra),
  };
}
