import { canonicalPairs, decodeAscii, type QueryPair } from "./canonical.js";
import type { Inbound } from "./inbound.js";
import { algorithm, type SigningScope } from "./signature.js";

/** What a request says about its signature. */
export interface Claim {
  readonly accessKeyId: string;
  readonly scope: SigningScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly date: string;
  readonly token: string | null;
  /** Seconds that a presigned URL holds; null: it is no such URL. */
  readonly expires: number | null;
  /** The query in canonical pairs, without what belongs to the signature. */
  readonly query: readonly QueryPair[];
  /** What the signature has as its query. */
  readonly signedQuery: readonly QueryPair[];
}

const credentialForm = /^([A-Za-z0-9]{8,128})\/(\d{8})\/([a-z0-9-]{1,64})\/([a-z0-9.-]{1,64})\/aws4_request$/;
const namesForm = /^:?[a-z0-9-]+(;[a-z0-9-]+)*$/;
const authorizationForm =
  /^AWS4-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})$/;

const fields = ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token"];
// JavaScript's presigner says it there, too.
const queryNames = new Set([...fields, "Content-Sha256"].map((name) => `X-Amz-${name}`));
const lowerNames = new Set([...queryNames].map((name) => name.toLowerCase()));

type Parts = Pick<Claim, "date" | "token" | "expires" | "query" | "signedQuery"> & {
  readonly credential: string;
  readonly names: string;
  readonly signature: string;
};

function claimFrom({ credential, names, signature, ...rest }: Parts): Claim | string {
  const match = credentialForm.exec(credential);
  if (match === null) return "a credential that is none";
  const [, accessKeyId = "", day = "", region = "", service = ""] = match;
  if (!namesForm.test(names) || !/^[0-9a-f]{64}$/.test(signature)) return "a signature that is none";
  const signedHeaders = names.split(";");
  if (new Set(signedHeaders).size !== signedHeaders.length) return "a header signed twice";
  return { ...rest, accessKeyId, scope: { day, region, service }, signedHeaders, signature };
}

function claimOfQuery(pairs: readonly QueryPair[]): Claim | string {
  const own = new Map<string, string>();
  for (const [name, value] of pairs) {
    // One spelling only: somebody else might not tell them apart.
    if (!lowerNames.has(name.toLowerCase())) continue;
    if (own.has(name) || !queryNames.has(name)) return `${name} twice, or not as AWS spells it`;
    own.set(name, decodeAscii(value));
  }
  if (own.get("X-Amz-Algorithm") !== algorithm) return "SigV4A and other algorithms are not supported";
  const expires = own.get("X-Amz-Expires") ?? "";
  if (!/^\d{1,6}$/.test(expires)) return "a presigned URL without an end";
  return claimFrom({
    credential: own.get("X-Amz-Credential") ?? "",
    names: own.get("X-Amz-SignedHeaders") ?? "",
    signature: own.get("X-Amz-Signature") ?? "",
    date: own.get("X-Amz-Date") ?? "",
    token: own.get("X-Amz-Security-Token") ?? null,
    expires: Number(expires),
    query: pairs.filter(([name]) => !queryNames.has(name)),
    signedQuery: pairs.filter(([name]) => name !== "X-Amz-Signature"),
  });
}

function claimOfHeader(
  authorization: string,
  headers: Inbound["headers"],
  pairs: readonly QueryPair[],
): Claim | string {
  if (authorization.startsWith("AWS4-ECDSA-P256-SHA256"))
    return "SigV4A (multi-region signatures) is not supported; use the endpoint of one region";
  const match = authorizationForm.exec(authorization);
  if (match === null) return "an Authorization that is no signature of AWS, version 4";
  const [, credential = "", names = "", signature = ""] = match;
  return claimFrom({
    credential,
    names,
    signature,
    date: headers["x-amz-date"] ?? "",
    token: headers["x-amz-security-token"] ?? null,
    expires: null,
    query: pairs,
    signedQuery: pairs,
  });
}

/** Reads what a request says about its signature; a text says why it cannot be right. */
export function readClaim({ query, headers }: Inbound): Claim | string {
  const pairs = canonicalPairs(query);
  if (pairs === null) return "a percent sign in the query encodes nothing";
  const isPresigned = pairs.some(([name]) => lowerNames.has(name.toLowerCase()));
  const authorization = headers["authorization"];
  if (authorization === undefined) return isPresigned ? claimOfQuery(pairs) : "the request is not signed";
  if (isPresigned) return "a request that is signed twice";
  return claimOfHeader(authorization, headers, pairs);
}
