import type { AwsAccess, AwsMode, AwsRule, AwsWish } from "../model/aws.js";
import type { FileConfig } from "./schema.js";

type FileAws = NonNullable<FileConfig["aws"]>;

/** What flags say about AWS. */
export interface AwsFlags {
  readonly mode?: AwsMode | undefined;
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  readonly role?: string | undefined;
  readonly durationSeconds?: number | undefined;
  readonly access?: AwsAccess | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly ask?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  readonly regions?: readonly string[] | undefined;
  readonly intercept?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

const defaultSeconds = 3_600;

function rulesOf(
  { allow = [], ask = [], deny = [] }: Pick<AwsFlags, "allow" | "ask" | "deny">,
  origin: string,
): AwsRule[] {
  const list = (verdict: AwsRule["verdict"], patterns: readonly string[]): AwsRule[] =>
    patterns.map((pattern) => ({ verdict, pattern, origin }));
  return [...list("deny", deny), ...list("ask", ask), ...list("allow", allow)];
}

const nothing = ["-"];

/** What all lists that are there have in common. An empty list means "any" to who reads it, so none in common is a name that nothing has. */
function common(...lists: readonly (readonly string[] | undefined)[]): readonly string[] {
  const given = lists.filter((list): list is readonly string[] => list !== undefined && list.length > 0);
  const [first, ...others] = given;
  if (first === undefined) return [];
  const shared = first.filter((each) => others.every((other) => other.includes(each)));
  return shared.length === 0 ? nothing : shared;
}

// `read` is what is there without a word, so a project's file may say it unapproved; it does not loosen a user's `custom`.
function accessOf(flags: AwsFlags, ofProject: FileAws, ofUser: FileAws): AwsAccess {
  if (flags.access !== undefined) return flags.access;
  if (ofProject.access === "read" && ofUser.access === "custom") return "custom";
  return ofProject.access ?? ofUser.access ?? "read";
}

/** Single values of the nearer replace, rules and `protected` add up, and bounds only become tighter. */
export function mergeAws(flags: AwsFlags = {}, ofProject: FileAws = {}, ofUser: FileAws = {}): AwsWish {
  const single = <K extends "profile" | "region" | "role" | "mode">(name: K): AwsFlags[K] | FileAws[K] =>
    flags[name] ?? ofProject[name] ?? ofUser[name];
  const policy = ofProject.policy ?? ofUser.policy;
  return {
    mode: single("mode") ?? "off",
    profile: single("profile") ?? null,
    region: single("region") ?? null,
    role: single("role") ?? null,
    durationSeconds: flags.durationSeconds ?? ofProject.duration ?? ofUser.duration ?? defaultSeconds,
    sessionPolicy: policy === undefined ? null : JSON.stringify(policy),
    protected: [...(ofUser.protected ?? []), ...(ofProject.protected ?? [])],
    // What a user has ended at the gate, no repository lets past it.
    intercept: [flags.intercept, ofProject.intercept, ofUser.intercept].includes(true),
    endpoint: ofUser.endpoint ?? null,
    policy: {
      access: accessOf(flags, ofProject, ofUser),
      services: common(ofProject.services, ofUser.services),
      rules: [
        ...rulesOf(flags, "the command line"),
        ...rulesOf(ofUser, "your configuration"),
        ...rulesOf(ofProject, "airlock.yaml"),
      ],
      regions: common(flags.regions, ofProject.regions, ofUser.regions),
      accounts: common(ofProject.accounts, ofUser.accounts),
      tags: { ...ofProject.tags, ...ofUser.tags },
      dryRun: [flags.dryRun, ofProject.dryRun, ofUser.dryRun].includes(true),
    },
  };
}
