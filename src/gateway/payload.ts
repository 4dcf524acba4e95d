import type { Claim } from "./claim.js";
import type { Inbound } from "./inbound.js";
import { emptyHash } from "./signature.js";

/** How the signature covers the body. */
export type Payload =
  /** The hash is in the head; the body has to fit it. */
  | { readonly kind: "hash"; readonly hash: string }
  /** The hash is nowhere in the request: the body has to be there before the signature can be checked. */
  | { readonly kind: "absent" }
  /** The body is not signed; with a trailer it comes in frames with a checksum at the end, which AWS checks. */
  | { readonly kind: "unsigned" | "trailer" }
  /** Signed piece by piece. */
  | { readonly kind: "chunks"; readonly length: number };

export const unsignedPayload = "UNSIGNED-PAYLOAD";
export const trailerPayload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const chunkPayload = /^STREAMING-AWS4-HMAC-SHA256-PAYLOAD(-TRAILER)?$/;

/** Reads it; a text says why the gateway does not pass such a body on. */
export function readPayload({ headers }: Inbound, claim: Claim): Payload | string {
  const said = headers["x-amz-content-sha256"];
  if (said === undefined) {
    if (claim.expires === null) return { kind: "absent" };
    return claim.scope.service === "s3" ? { kind: "unsigned" } : { kind: "hash", hash: emptyHash };
  }
  if (/^[0-9a-f]{64}$/.test(said)) return { kind: "hash", hash: said };
  if (said === unsignedPayload) return { kind: "unsigned" };
  if (said === trailerPayload) return { kind: "trailer" };
  if (said.startsWith("STREAMING-AWS4-ECDSA")) return "SigV4A (multi-region signatures) is not supported";
  if (said.endsWith("-EVENTS")) return "streams of events to AWS are not supported yet";
  const length = headers["x-amz-decoded-content-length"];
  if (!chunkPayload.test(said) || length === undefined || !/^\d{1,15}$/.test(length))
    return "a body that is signed in a way that AWS does not have";
  return { kind: "chunks", length: Number(length) };
}

/** What stands in what is signed in the place of the body. */
export function signedPayload(payload: Payload, headers: Inbound["headers"], bodyHash: string): string {
  if (payload.kind === "hash") return payload.hash;
  if (payload.kind === "absent") return bodyHash;
  return headers["x-amz-content-sha256"] ?? unsignedPayload;
}
