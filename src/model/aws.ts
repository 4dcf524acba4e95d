/** What a call does to an account, in the words of IAM's access levels; `unknown` is treated as the worst of them. */
export type AwsLevel = "list" | "read" | "write" | "tagging" | "permissions" | "unknown";

/** How a client of AWS writes its calls, and understands an error. */
export type AwsProtocol = "query" | "ec2" | "json-1.0" | "json-1.1" | "rest-json" | "rest-xml" | "rpc-v2-cbor";

/** A signed request as it came in. Header names are lower-case, and no name is there twice. */
export interface AwsRequest {
  readonly method: string;
  /** As on the wire: percent-encoded, without the query. Begins with a slash. */
  readonly path: string;
  /** As on the wire, without the question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body, or null when it was not read (see `bodyWish`). */
  readonly body: Uint8Array | null;
  /** Of the signature, which was verified. */
  readonly scope: AwsScope;
  /** The AWS host that the client meant (behind TLS that ends at the gate), or null when it called the gateway by its address. */
  readonly host: string | null;
}

/** What a signature is for. */
export interface AwsScope {
  readonly service: string;
  readonly region: string;
}

/** Something a call names: an ARN where it can be made, else an id. */
export interface AwsResource {
  /** `bucket`, `key`, `arn`, `id`, `name`, `url`. */
  readonly kind: string;
  readonly value: string;
}

/** A call that was understood. */
export interface AwsCall {
  /** The service by its name in the table: `ec2`, `s3`, `s3control`. */
  readonly service: string;
  /** `RunInstances`. */
  readonly operation: string;
  /** What IAM asks for, the first is the operation's own: `ec2:RunInstances`. */
  readonly actions: readonly string[];
  /** The strictest of the actions' and of the candidates'. */
  readonly level: AwsLevel;
  readonly protocol: AwsProtocol;
  readonly region: string;
  /** The service has one endpoint for all regions. */
  readonly global: boolean;
  readonly resources: readonly AwsResource[];
  /** Accounts that ARNs, queue URLs or owners in the request name. */
  readonly accounts: readonly string[];
  /** Tags that the request sets. */
  readonly tags: Readonly<Record<string, string>>;
  /** It only asks whether it would be allowed (EC2's DryRun). */
  readonly dryRun: boolean;
  /** It hands out a secret: a secret's value, a decrypted parameter, the plain text of a ciphertext. */
  readonly secret: boolean;
  /** It was signed into the query of its URL. */
  readonly presigned: boolean;
  /** Other operations that the same request could be, when it cannot be told: `service:Operation`. */
  readonly alternatives: readonly string[];
  /** What goes in front of the endpoint's name, such as `api.` or `123456789012.`; empty for most. */
  readonly hostPrefix: string;
  /** Whether events come back one by one. */
  readonly eventStream: boolean;
}

/** The answer to "what is this request?". A refusal says why, and in which form to answer. */
export type AwsIdentified =
  | { readonly known: true; readonly call: AwsCall }
  | { readonly known: false; readonly reason: string; readonly protocol: AwsProtocol };

/** Where a call goes, and what it is signed for. */
export interface AwsEndpoint {
  readonly hostname: string;
  readonly signingName: string;
  readonly signingRegion: string;
}

export type AwsMode = "off" | "gateway" | "direct";
export type AwsAccess = "read" | "read-write" | "custom";
export type AwsVerdict = "allow" | "ask" | "deny";

/** A line of `allow`, `ask` or `deny`: `ec2:Stop*`. */
export interface AwsRule {
  readonly verdict: AwsVerdict;
  readonly pattern: string;
  /** For people: `your configuration`, `airlock.yaml`, `--aws-allow`. */
  readonly origin: string;
}

/** What may be done in AWS, from flags and files. */
export interface AwsPolicy {
  readonly access: AwsAccess;
  readonly rules: readonly AwsRule[];
  /** Services that `read-write` is for; empty: all. */
  readonly services: readonly string[];
  /** Empty: every region. */
  readonly regions: readonly string[];
  /** Empty: any; but a change that names another account than the credentials' is asked about. */
  readonly accounts: readonly string[];
  /** What carries one of these keys with another value is left alone. */
  readonly tags: Readonly<Record<string, string>>;
  /** Nothing but reading is forwarded. */
  readonly dryRun: boolean;
}

/** The `aws:` section with flags laid over it. */
export interface AwsWish {
  readonly mode: AwsMode;
  readonly profile: string | null;
  readonly region: string | null;
  readonly role: string | null;
  readonly durationSeconds: number;
  readonly policy: AwsPolicy;
  /** An own session policy as text, in the place of the one that is made; null: none. */
  readonly sessionPolicy: string | null;
  /** Accounts, aliases, roles and profiles (with `*`) for which the account's alias must be typed. */
  readonly protected: readonly string[];
  /** Connections to AWS's own hosts end at the gateway, too. */
  readonly intercept: boolean;
  /** Where every call goes, in the place of AWS; null: to AWS. Only the user's own configuration can say that. */
  readonly endpoint: string | null;
}

/** May this call be made? */
export interface AwsDecision {
  /** `would-have`: under `dry-run`, where it would have been allowed or asked for. */
  readonly verdict: AwsVerdict | "would-have";
  /** The rule that decided, for the journal: `deny ec2:Terminate*`, `level write`. */
  readonly rule: string;
  /** One sentence for the person and for the agent. */
  readonly why: string;
  /** Where the rule comes from. */
  readonly origin: string;
}

/** A call with its end, as the journal has it; what the ledger, the clean-up and the suggestion are made from. */
export interface AwsLedgerCall {
  readonly call: number;
  readonly service: string;
  readonly operation: string;
  readonly actions: readonly string[];
  readonly level: AwsLevel;
  readonly region: string;
  /** Null where nobody said. */
  readonly account: string | null;
  /** ARNs where they could be made. */
  readonly resources: readonly string[];
  /** `allowed`, `denied`, `asked-allowed`, `asked-denied`, `would-have`. */
  readonly decision: string;
  /** HTTP status of the answer; null: none came. */
  readonly status: number | null;
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly deleted: readonly string[];
}
