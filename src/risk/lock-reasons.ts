import type { CatalogueEntry } from "./catalogue.js";
import { contentFormatOf } from "./content-format.js";
import { lockNews, readLock } from "./package-sources.js";

const shownSources = 4;

function listed(items: readonly string[]): string {
  const more = items.length > shownSources ? [`and ${items.length - shownSources} more`] : [];
  return [...items.slice(0, shownSources), ...more].join(", ");
}

// A source and a package's name are the agent's text: what could finish the sentence in its own way is quoted.
function quoted(text: string): string {
  return /^[\w$@/.:*+~ ()…-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Why a lock file matters: packages from where none came before, or other contents under the same version. */
export function lockReasons(
  { reason }: CatalogueEntry,
  names: readonly string[],
  contents: { readonly before: Uint8Array | null; readonly after: Uint8Array },
): { readonly level: "low" | "high"; readonly reasons: readonly string[] } {
  const name = names.at(-1) ?? "";
  const isJson = contentFormatOf(names) === "json";
  const unknown = (why: string) =>
    ({ level: "high", reasons: [`${reason}; what changed cannot be told: ${why}`] }) as const;
  const after = readLock(contents.after, name, isJson);
  if (typeof after === "string") return unknown(after);
  const before = contents.before === null ? null : readLock(contents.before, name, isJson);
  if (typeof before === "string") return unknown(before.replace(/^it is/, "it was").replace(/^it h[ao]\w+/, "it had"));
  const { sources, sums } = lockNews(before, after);
  const reasons: string[] = [];
  if (sources.length > 0) reasons.push(`has packages come from where none came before: ${listed(sources.map(quoted))}`);
  if (sums.length > 0)
    reasons.push(`has another checksum for the same version: ${listed(sums.map((each) => quoted(each.trim())))}`);
  if (reasons.length > 0) return { level: "high", reasons };
  return { level: "low", reasons: ["changes which packages are installed, from the same sources as before"] };
}
