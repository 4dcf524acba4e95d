import { type BodyBudget, BodyProblem, readWhole } from "./body.js";
import { type CanonicalPath, canonicalPairs, canonicalPath, joinPairs } from "./canonical.js";
import { type Claim, readClaim } from "./claim.js";
import type { GatewayHouse } from "./house.js";
import type { Inbound } from "./inbound.js";
import { type Payload, readPayload, signedPayload } from "./payload.js";
import { Refusal } from "./refusal.js";
import type { ReplayGuard } from "./replay-guard.js";
import { emptyHash, parseSignatureDate, sha256 } from "./signature.js";
import { checkClaim, isRightSignature } from "./verify.js";

/** How much of a body is looked at to understand a call. */
export const judgedBytes = 1024 * 1024;
/** The longest body whose signature can only be checked when it is whole: above what any service takes in such a form. */
const wholeBytes = 64 * 1024 * 1024;

/** A request of this sandbox, and its body where it had to be read. */
export interface Authentic {
  readonly claim: Claim;
  readonly path: CanonicalPath;
  readonly payload: Payload;
  readonly body: Buffer | null;
}

interface Checks {
  readonly house: Pick<GatewayHouse, "placeholder" | "knowledge">;
  readonly replay: ReplayGuard;
  readonly budget: BodyBudget;
}

function require<T>(value: T | string, kind: Refusal["kind"] = "signature"): T {
  if (typeof value === "string") throw new Refusal(kind, value);
  return value;
}

/** What identification is told of a request: the very form that is sent on. */
export function requestHead(inbound: Inbound, claim: Claim, path: CanonicalPath, host: string | null) {
  const query = joinPairs(canonicalPairs(inbound.query) ?? []);
  const { method, headers } = inbound;
  return { method, path: path.sent, query, headers, scope: claim.scope, host };
}

async function readBody(inbound: Inbound, budget: BodyBudget): Promise<Buffer> {
  if ((inbound.length ?? 0) > wholeBytes) throw new Refusal("denied", `the body is longer than ${wholeBytes} bytes`);
  inbound.wantsBody();
  try {
    return await readWhole(inbound.body, wholeBytes, budget);
  } catch (error) {
    if (error instanceof BodyProblem) throw new Refusal("denied", error.message);
    throw error;
  }
}

function isRead(inbound: Inbound, { kind }: Payload, wish: "none" | "whole"): boolean {
  if (kind === "absent") return true;
  if (kind === "trailer" || kind === "chunks" || wish === "none") return false;
  return inbound.length === null || inbound.length <= judgedBytes;
}

/**
 * Lets only requests pass that this sandbox signed with the keys it was given, as they are: nothing in them was changed, and they were not
 * seen before. Throws a `Refusal` for all others; bytes of the budget are for the caller to give back.
 */
export async function authenticate(checks: Checks, inbound: Inbound, host: string | null): Promise<Authentic> {
  const { house, replay, budget } = checks;
  const now = Date.now();
  const claim = require(readClaim(inbound));
  const path = canonicalPath(inbound.path, claim.scope.service);
  if (path === null) throw new Refusal("denied", "the path can be read in two ways: it has dot segments or empty ones");
  const payload = require(readPayload(inbound, claim), "denied");
  const problem = checkClaim(claim, inbound, house.placeholder, now);
  if (problem !== null) throw new Refusal("signature", problem);
  const check = (bodyHash: string): void => {
    const signed = signedPayload(payload, inbound.headers, bodyHash);
    if (!isRightSignature(claim, inbound, house.placeholder, signed))
      throw new Refusal("signature", "the signature is not the one of this request");
    const signedAt = parseSignatureDate(claim.date);
    if (claim.expires === null && !replay.admits(claim.signature, signedAt, now))
      throw new Refusal("signature", "this very request was made before");
  };
  if (payload.kind !== "absent") check(emptyHash);
  const wish = house.knowledge.bodyWish(requestHead(inbound, claim, path, host));
  const body = isRead(inbound, payload, wish) ? await readBody(inbound, budget) : null;
  if (payload.kind === "absent") check(sha256(body ?? ""));
  if (payload.kind === "hash" && body !== null && sha256(body) !== payload.hash)
    throw new Refusal("signature", "the body was changed after it was signed");
  return { claim, path, payload, body };
}
