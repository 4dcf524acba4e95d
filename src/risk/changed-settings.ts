import { type CatalogueEntry, runningKeys } from "./catalogue.js";
import { type ContentFormat, contentFormatOf } from "./content-format.js";
import { parseJson } from "./parse-json.js";
import { parseSettings } from "./parse-settings.js";
import { type ChangedKey, changedKeys, type Parsed } from "./tree.js";

/** Reads YAML; its library is only loaded when a YAML file is among the changes. */
export type YamlParser = (text: string) => Parsed;

const shownKeys = 6;
const longestKey = 80;

/** What changed in a content with structure: its keys by their importance, or why they are not known. */
export type SettingsChange = { readonly keys: readonly ChangedKey[] } | { readonly unknown: string };

/** A content as text; null when it is not UTF-8, which no reader of these files takes alike. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function parse(bytes: Uint8Array, format: ContentFormat, parseYaml: YamlParser | undefined): Parsed {
  const text = textOf(bytes);
  if (text === null) return { problem: "is not UTF-8" };
  if (format === "json") return parseJson(text);
  if (format === "toml" || format === "ini" || format === "attributes") return parseSettings(text, format);
  if (format === "yaml" && parseYaml !== undefined) return parseYaml(text);
  return { problem: "has a form that is not read here" };
}

/** Compares both contents of a file by structure. `before` is null where there was no such file. */
export function compareSettings(
  names: readonly string[],
  contents: { readonly before: Uint8Array | null; readonly after: Uint8Array },
  parseYaml?: YamlParser,
): SettingsChange | null {
  const format = contentFormatOf(names);
  if (format === null || format === "lines") return null;
  const now = parse(contents.after, format, parseYaml);
  if ("problem" in now) return { unknown: `it ${now.problem}` };
  if (contents.before === null || contents.before.length === 0) return { keys: changedKeys(null, now.tree) };
  const old = parse(contents.before, format, parseYaml);
  if ("problem" in old) return { unknown: `it ${old.problem.replace(/^is/, "was").replace(/^has/, "had")}` };
  return { keys: changedKeys(old.tree, now.tree) };
}

/** Tells whether something runs, loads or fetches what a key holds, by the key's names. */
function isRunning({ steps }: ChangedKey): boolean {
  return steps.some(
    (step) => typeof step === "string" && step.split(/[.[\] ]/).some((part) => runningKeys.has(part.toLowerCase())),
  );
}

// A key is the agent's text: what is more than a name is quoted, so that it cannot finish the sentence in its own way.
function stepText(step: string | number, at: number): string {
  if (typeof step === "number") return `[${step}]`;
  const short = step.length > longestKey ? `${step.slice(0, longestKey)}…` : step;
  const isPlain = /^[\w$@/.:*+[\]-]+(?: [\w!-]+)?$/.test(short);
  if (isPlain) return at === 0 ? short : `.${short}`;
  return at === 0 ? JSON.stringify(short) : `[${JSON.stringify(short)}]`;
}

/** `jobs.build.steps[2].run`. */
function keyText({ steps, gone }: ChangedKey): string {
  const text = steps.map(stepText).join("");
  const short = text.length > 2 * longestKey ? `${text.slice(0, longestKey)}…${text.slice(-longestKey)}` : text;
  return `${short === "" ? "everything" : short}${gone ? " (removed)" : ""}`;
}

/** The keys as a part of a sentence, those that run something first; the rest is counted. */
export function listKeys(keys: readonly ChangedKey[]): string {
  const ordered = [...keys.filter(isRunning), ...keys.filter((key) => !isRunning(key))];
  const shown = [...new Set(ordered.slice(0, shownKeys).map(keyText))];
  const more = ordered.length > shownKeys ? [`and ${ordered.length - shownKeys} more`] : [];
  return [...shown, ...more].join(", ");
}

function isCoveredBy(list: string): (key: ChangedKey) => boolean {
  const covers = list.split(/\s+/);
  return ({ steps }) => {
    const path = steps.join(".");
    return covers.some((each) => path === each || path.startsWith(`${each}.`));
  };
}

/** How a file of the catalogue matters, by what changed in it. Null: nothing that anything acts on changed. */
export function settingsReason(
  { reason, harmless, matters }: CatalogueEntry,
  change: SettingsChange,
  isNew: boolean,
): { readonly level: "low" | "high"; readonly reason: string } | null {
  if ("unknown" in change)
    return { level: "high", reason: `${reason}; what changed cannot be told: ${change.unknown}` };
  if (isNew) {
    const running = change.keys.filter(isRunning);
    return { level: "high", reason: running.length === 0 ? reason : `${reason}: ${listKeys(running)}` };
  }
  const keys = harmless === undefined ? change.keys : change.keys.filter((key) => !isCoveredBy(harmless)(key));
  if (keys.length === 0 && change.keys.length > 0) return null;
  if (keys.length === 0) {
    if (harmless !== undefined) return null;
    return { level: "high", reason: `${reason}: no value, only how it is written` };
  }
  const isLow = matters !== undefined && !keys.some(isCoveredBy(matters));
  return { level: isLow ? "low" : "high", reason: `${reason}: ${listKeys(keys)}` };
}
