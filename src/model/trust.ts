import type { ToolName } from "./tool.js";

export type TrustVerdict = "allow" | "ask" | "deny";

/**
 * A rule about a tool. What the pattern means is the tool's: `shell` words of a simple command, `read`, `write`, `glob` and `grep` a path
 * glob (from the workspace, or absolute), `aws` `service:Operation`; null is the whole tool.
 */
export interface TrustRule {
  readonly tool: ToolName;
  readonly pattern: string | null;
  readonly action: TrustVerdict;
  /** Where it comes from, for people: `default`, `airlock tools trust`, `your configuration`. */
  readonly origin: string;
}

/** What the person may grant when asked, from the narrowest to the whole tool. */
export interface TrustTier {
  readonly label: string;
  readonly rules: readonly TrustRule[];
}

/** Trust in everything, which has an end and a snapshot under it. */
export interface TrustAll {
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Calls that are left; null: no such limit. */
  readonly callsLeft: number | null;
  readonly task: string | null;
  readonly snapshot: string;
}

/** What `trust.json` of a session holds. Later rules win over earlier ones; a `deny` always wins, also under trust-all. */
export interface TrustState {
  readonly version: 1;
  /** Absolute; what patterns that do not begin with a slash start from. */
  readonly workspace: string;
  readonly rules: readonly TrustRule[];
  readonly trustAll: TrustAll | null;
}

/** The answer to "may this run?", with the rule's text for the journal and what a person could grant instead. */
export interface TrustDecision {
  readonly verdict: TrustVerdict;
  readonly rule: string;
  readonly why: string;
  readonly tiers: readonly TrustTier[];
  /** What redirections name, judged as it is written: where it leads is the sandbox's to say. */
  readonly targets?: readonly string[];
  /** It is one of the calls that a trust in everything has left. */
  readonly isCounted?: boolean;
}
