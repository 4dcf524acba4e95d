import { compileGlob } from "../text/glob.js";
import type { AccountNames } from "./model.js";

const production = /(?:^|[^a-z])(?:prod|prd|production|live)(?:[^a-z]|$)/i;

const named = ({ account, alias, profile, role }: AccountNames): readonly (readonly [string, string])[] =>
  Object.entries({ account, alias, profile, role }).flatMap(([kind, name]) => (name === null ? [] : [[kind, name]]));

/**
 * Why it must be confirmed that this account is meant; null: nothing says that it must. The user's own patterns (`*`, `?`) go over the same
 * names.
 */
export function protectedBecause(names: AccountNames, patterns: readonly string[]): string | null {
  const all = named(names);
  for (const pattern of patterns) {
    const glob = compileGlob(pattern);
    const found = all.find(([, name]) => name === pattern || glob.matches(name, false));
    if (found !== undefined) return `the ${found[0]} ${found[1]} is protected`;
  }
  const found = all.find(([, name]) => production.test(name));
  return found === undefined ? null : `the ${found[0]} ${found[1]} looks like production`;
}

/** What has to be typed. */
export const confirmationOf = ({ alias, account }: AccountNames): string => alias ?? account ?? "production";
