import type { Labels } from "../model/engine.js";

/** The `label` filter of a list call: all of them must match; an empty value asks for the label alone. */
export function labelFilters(labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
}
