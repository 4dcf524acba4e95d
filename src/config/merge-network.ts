import type { NetworkMode, NetworkRule, RuleAction } from "../model/network.js";
import type { FileConfig } from "./schema.js";

type FileNetwork = NonNullable<FileConfig["network"]>;

/** What flags and files say about the network, before presets are looked up. */
export interface NetworkWish {
  readonly mode: NetworkMode;
  readonly rules: readonly NetworkRule[];
  readonly presets: readonly string[];
  readonly hosts: Readonly<Record<string, string>>;
}

interface Flags {
  readonly networkMode?: NetworkMode | undefined;
  readonly allowHost?: readonly string[] | undefined;
  readonly presets?: readonly string[] | undefined;
}

const modeOf = { deny: "policy", ask: "ask", open: "open" } as const;

function rulesOf({ allow, ask, deny, allowPrivate }: FileNetwork, origin: string): NetworkRule[] {
  const lists: readonly (readonly [RuleAction, readonly string[] | undefined])[] = [
    ["deny", deny],
    ["private", allowPrivate],
    ["allow", allow],
    ["ask", ask],
  ];
  return lists.flatMap(([action, list = []]) => list.map((pattern) => ({ action, pattern, origin, until: null })));
}

/** Lists add up. Without a word about it there is a network as soon as something is allowed on it, and otherwise none. */
export function mergeNetwork(
  flags: Flags,
  ofProject: FileNetwork = {},
  ofUser: FileNetwork = {},
  origins: Record<string, string> = {},
): NetworkWish {
  const flagged = (flags.allowHost ?? []).map(
    (pattern): NetworkRule => ({ action: "allow", pattern, origin: "--allow-host", until: null }),
  );
  const rules = [...flagged, ...rulesOf(ofUser, "your configuration"), ...rulesOf(ofProject, "airlock.yaml")];
  const presets = [...new Set([...(flags.presets ?? []), ...(ofUser.presets ?? []), ...(ofProject.presets ?? [])])];
  const allowed = presets.length > 0 || rules.some(({ action }) => action !== "deny");
  const otherwise = ofProject.default ?? ofUser.default;
  const written = otherwise === undefined ? undefined : modeOf[otherwise];
  const implied = written === undefined || written === "policy" ? (allowed ? "policy" : "none") : written;
  const fromFile = ofProject.default === undefined ? (ofUser.default === undefined ? "default" : "user") : "project";
  origins["network"] = flags.networkMode === undefined ? fromFile : "flag";
  return { mode: flags.networkMode ?? implied, rules, presets, hosts: ofUser.hosts ?? {} };
}
