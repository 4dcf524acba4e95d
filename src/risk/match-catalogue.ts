import type { CatalogueRule } from "./catalogue-rule.js";
import { serviceRules } from "./catalogue-services.js";
import { toolRules } from "./catalogue-tools.js";

const riskCatalogue = [...serviceRules, ...toolRules];

interface Index {
  readonly names: ReadonlyMap<string, string>;
  readonly endings: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, string>;
  readonly paths: readonly (readonly [string, string])[];
  readonly patterns: readonly (readonly [RegExp, string])[];
}

function pairs(key: "names" | "endings" | "folders" | "paths"): [string, string][] {
  return riskCatalogue.flatMap((rule: CatalogueRule) =>
    (rule[key] ?? []).map((each): [string, string] => [each, rule.reason]),
  );
}

// The catalogue turned inside out once, so that a path costs a few look-ups and not hundreds of comparisons.
const index: Index = {
  names: new Map(pairs("names").reverse()),
  endings: new Map(pairs("endings").reverse()),
  folders: new Map(pairs("folders").reverse()),
  paths: pairs("paths"),
  patterns: riskCatalogue.flatMap(({ pattern, reason }) => (pattern === undefined ? [] : [[pattern, reason] as const])),
};

function fromFolders(names: readonly string[]): string[] {
  const reasons: string[] = [];
  for (const [at, name] of names.entries()) {
    for (const each of [name, `${name}/${names[at + 1] ?? ""}`]) {
      const reason = index.folders.get(each);
      if (reason !== undefined) reasons.push(reason);
    }
  }
  return reasons;
}

function fromName(names: readonly string[]): string[] {
  const name = names.at(-1) ?? "";
  const reasons: (string | undefined)[] = [index.names.get(name)];
  for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
    reasons.push(index.endings.get(name.slice(dot)));
  }
  const path = `/${names.join("/")}`;
  for (const [suffix, reason] of index.paths) if (path.endsWith(`/${suffix}`)) reasons.push(reason);
  for (const [pattern, reason] of index.patterns) if (pattern.test(name)) reasons.push(reason);
  return reasons.filter((reason) => reason !== undefined);
}

/** Why a path (as canonical names) matters to the host; a folder only by the folders it is or lies in. */
export function catalogueReasons(names: readonly string[], isFolder: boolean): string[] {
  return [...new Set([...fromFolders(names), ...(isFolder ? [] : fromName(names))])];
}
