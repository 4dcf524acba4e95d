import type { Secret } from "../base/secret.js";
import type { AwsCall, AwsEndpoint, AwsIdentified, AwsProtocol, AwsRequest } from "../model/aws.js";
import type { Approval } from "./approvals.js";
import type { Placeholder } from "./verify.js";

/** Keys that calls are signed with on the host. */
export interface CallKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | null;
  readonly expiresAt: number | null;
}

/** Whether a call may be made, and what says so. */
export interface CallDecision {
  /** `would-have`: it would be allowed or asked about, but nothing is changed in this session. */
  readonly verdict: "allow" | "ask" | "deny" | "would-have";
  /** For the journal. */
  readonly rule: string;
  /** One sentence for the person and for the agent. */
  readonly why: string;
  /** Where the rule comes from. */
  readonly origin: string;
}

/** Why an answer is given in the place of AWS's. */
export type RefusalKind = "denied" | "dry-run" | "pending" | "signature" | "unavailable";

/** An answer that the client's SDK understands. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What is known about AWS; pure. */
export interface AwsKnowledge {
  bodyWish(head: Omit<AwsRequest, "body">): "none" | "whole";
  identify(request: AwsRequest): AwsIdentified;
  endpointOf(call: AwsCall): AwsEndpoint | null;
  answer(
    asker: { readonly protocol: AwsProtocol; readonly service: string | null; readonly method: string },
    what: { readonly kind: RefusalKind; readonly message: string; readonly requestId: string },
  ): OwnAnswer;
  effectsOf(call: AwsCall, answer: Uint8Array): AwsEffects;
}

/** Ids of what a call made, changed or deleted, as request and answer say. */
export interface AwsEffects {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly deleted: readonly string[];
}

/** A call that a person is asked about. */
export interface AskedCall {
  readonly call: AwsCall;
  readonly decision: CallDecision;
  /** The body as text, or what can be said of one that is none. */
  readonly parameters: string;
  /** SHA-256 of the body that is approved; null: only its length is known. */
  readonly bodyHash: string | null;
}

/** A decided call, for the journal: on the disk before anything of it leaves, where it changes something. */
export interface DecidedCall {
  readonly number: number;
  readonly call: AwsCall;
  readonly decision: string;
  readonly rule: string;
  readonly by: string;
}

export interface CallResult {
  readonly number: number;
  readonly call: AwsCall;
  readonly status: number | null;
  readonly error: string | null;
  readonly effects: AwsEffects;
  readonly milliseconds: number;
}

/** What the gateway needs of its session. */
export interface GatewayHouse {
  readonly knowledge: AwsKnowledge;
  readonly placeholder: Placeholder;
  /** For the endpoint that hands out credentials. */
  readonly token: string;
  readonly mode: "gateway" | "direct";
  /** The keys to sign with now, or to hand out in `direct` mode. */
  keys(): Promise<CallKeys>;
  /** As policy, trust and the answers given so far say at this moment. */
  decide(call: AwsCall): Promise<CallDecision>;
  ask(asked: AskedCall): Promise<Approval>;
  /** Writes it down; waited for when `isFirst`. Rejects: then the call is not made. */
  decided(call: DecidedCall, isFirst: boolean): Promise<void>;
  finished(result: CallResult): void;
  /** A request that no call could be read from. */
  refused(reason: string, scope: { readonly service: string; readonly region: string } | null): void;
}
