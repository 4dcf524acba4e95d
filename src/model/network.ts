/**
 * `none`: no hatch, no gate. `policy`: what no rule allows is denied. `ask`: what no rule decides waits for a person. `open`: any public
 * host that no rule denies.
 */
export type NetworkMode = "none" | "policy" | "ask" | "open";

/** `private` allows like `allow`, and also when the name leads to a private address or to this machine. */
export type RuleAction = "allow" | "ask" | "deny" | "private";

/** One line of a network policy, as it was written. */
export interface NetworkRule {
  readonly action: RuleAction;
  /** `api.example.com`, `*.example.org:8443`, `**.example.net:*`. */
  readonly pattern: string;
  /** Where it comes from, for people: `airlock.yaml`, `--allow-host`, `preset npm`, … */
  readonly origin: string;
  /** Milliseconds since the epoch after which it no longer holds. */
  readonly until: number | null;
}

/** What a sandbox may reach. */
export interface NetworkPolicy {
  readonly mode: NetworkMode;
  readonly rules: readonly NetworkRule[];
  /** Addresses that the user fixed for names, in the place of the resolver's. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** A connection that was allowed and made. */
export interface OpenedConnection {
  /** Counted by the gate that made it. */
  readonly connection: number;
  readonly name: string;
  readonly port: number;
  readonly via: "direct" | "proxy";
  readonly address: string | null;
  readonly rule: string;
}

/** What became of a connection; one for each goes into the journal. */
export interface ConnectionRecord extends OpenedConnection {
  readonly decision: "allowed" | "denied" | "failed";
  /** Why it was denied or failed. */
  readonly reason: string | null;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly milliseconds: number;
}
