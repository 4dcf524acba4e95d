import type { ToolName, TrustSubject } from "./tool.js";

export type TrustVerdict = "allow" | "ask" | "deny";

/**
 * A rule about a tool. The pattern's meaning is the tool's: `shell` words with `*` against each simple command, `read` and `write` a path glob,
 * `aws` `service:Operation`; null is the whole tool.
 */
export interface TrustRule {
  readonly tool: ToolName;
  readonly pattern: string | null;
  readonly action: TrustVerdict;
  /** Where it comes from, for people: `default`, `airlock tools trust`, `~/.config/airlock/config.yaml`. */
  readonly origin: string;
}

/** What the person may grant when asked, from the narrowest to the whole tool. */
export interface TrustTier {
  readonly label: string;
  readonly rule: TrustRule;
}

/** Trust in everything, which has an end and a snapshot under it. */
export interface TrustAll {
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
  readonly rules: readonly TrustRule[];
  readonly trustAll: TrustAll | null;
}

/** The answer to "may this run?", with the rule's text for the journal and what a person could grant instead. */
export interface TrustDecision {
  readonly verdict: TrustVerdict;
  readonly rule: string;
  readonly why: string;
  readonly tiers: readonly TrustTier[];
}

export type DecideTrust = (state: TrustState, subject: TrustSubject, now: number) => TrustDecision;
