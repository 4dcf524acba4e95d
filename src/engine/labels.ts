import type { EngineFacts, Labels } from "../model/engine.js";

/** The `label` filter of a list call. Podman finds nothing, or too much, with more than one: it gets the last. */
export function labelFilters(product: EngineFacts["product"], labels: Labels): string[] {
  const filters = Object.entries(labels).map(([key, value]) => (value === "" ? key : `${key}=${value}`));
  return product === "podman" ? filters.slice(-1) : filters;
}

/** Whether something carries all of the labels, an empty value asking for the label alone; no engine's word is taken for it. */
export function hasLabels(found: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) =>
    value === "" ? Object.hasOwn(found, key) : found[key] === value,
  );
}
