import { timingSafeEqual } from "node:crypto";
import { canonicalHeaders, canonicalPath, joinPairs } from "./canonical.js";
import type { Claim } from "./claim.js";
import type { Inbound } from "./inbound.js";
import { parseSignatureDate, signingKey, signText, textToSign } from "./signature.js";

/** The keys that a sandbox signs with: they open this gateway and nothing else. */
export interface Placeholder {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

const maxSkewMs = 5 * 60_000;
/** As long as AWS lets a presigned URL live. */
const maxExpires = 7 * 24 * 3_600;

export const sameText = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

// Read by everybody who gets the request, so not for somebody on the way to add; the last is for tracing, and never signed.
const mustBeSigned = (name: string): boolean => name.startsWith("x-amz-") && name !== "x-amzn-trace-id";

/** Looks at what can be said before the body is there: whose key, when, and which headers. Null when all is well. */
export function checkClaim(claim: Claim, { headers }: Inbound, placeholder: Placeholder, now: number): string | null {
  if (!sameText(claim.accessKeyId, placeholder.accessKeyId)) return "the key is not this sandbox's";
  if (!sameText(claim.token ?? "", placeholder.sessionToken)) return "the session token is not this sandbox's";
  const signedAt = parseSignatureDate(claim.date);
  if (Number.isNaN(signedAt) || !claim.date.startsWith(claim.scope.day)) return "the signature has no date";
  if (signedAt > now + maxSkewMs) return "the signature is from the future: look at the clock";
  const lifeMs = claim.expires === null ? maxSkewMs : Math.min(claim.expires, maxExpires) * 1_000;
  if (now > signedAt + lifeMs) return "the signature is too old";
  const { signedHeaders } = claim;
  if (!signedHeaders.includes("host") && !signedHeaders.includes(":authority")) return "the host is not signed";
  const unsigned = Object.keys(headers).find((name) => mustBeSigned(name) && !signedHeaders.includes(name));
  return unsigned === undefined ? null : `the header ${unsigned} is not signed`;
}

/** Whether the signature is right, given the body's hash or what stands in its place. */
export function isRightSignature(claim: Claim, inbound: Inbound, placeholder: Placeholder, payload: string): boolean {
  const path = canonicalPath(inbound.path, claim.scope.service);
  const headers = canonicalHeaders(inbound.headers, claim.signedHeaders);
  if (path === null || headers === null) return false;
  const canonical = {
    method: inbound.method,
    path: path.signed,
    query: joinPairs(claim.signedQuery),
    headers,
    signedHeaders: claim.signedHeaders.join(";"),
    payload,
  };
  const key = signingKey(placeholder.secretAccessKey, claim.scope);
  return sameText(signText(key, textToSign(canonical, claim.date, claim.scope)), claim.signature);
}
