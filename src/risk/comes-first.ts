import type { Change } from "../model/change.js";

/** Tells whether a change is among those that a person must see first. */
export function comesFirst({ kind, risk }: Change): boolean {
  return kind === "deleted" || risk.level === "high";
}
