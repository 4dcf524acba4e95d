import type { ClientRequest, IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import { messageOf } from "../base/errors.js";
import type { AwsEndpoint } from "../model/aws.js";
import type { Authentic } from "./authenticate.js";
import { SignedChunks } from "./aws-chunked.js";
import { watchSilence } from "./body.js";
import { joinPairs } from "./canonical.js";
import { forwardedHeaders } from "./forwarded-headers.js";
import type { CallKeys } from "./house.js";
import { type Inbound, mayHaveBody } from "./inbound.js";
import { trailerPayload, unsignedPayload } from "./payload.js";
import { sha256, signedHeaders, signingKey } from "./signature.js";
import { answerTo, type Upstream } from "./upstream.js";
import type { Placeholder } from "./verify.js";

/** A call that may be made. */
export interface Forwarding {
  readonly inbound: Inbound;
  readonly authentic: Authentic;
  readonly endpoint: AwsEndpoint;
  /** In front of the path: a bucket that the client had in the host, where the call goes to another one. */
  readonly front: string;
  readonly keys: CallKeys;
  readonly placeholder: Placeholder;
  /** The client went away. */
  readonly left: AbortSignal;
}

/** How the body leaves. */
interface Leaving {
  readonly payload: string;
  /** Null: it is not known before the end. */
  readonly length: number | null;
  readonly headers: Readonly<Record<string, string>>;
}

// The pieces' signatures are the sandbox's: what leaves is the bare body, under the signature of its head and TLS.
function withoutChunks(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name === "x-amz-decoded-content-length" || name === "x-amz-trailer") continue;
    if (name === "x-amz-sdk-checksum-algorithm" && headers["x-amz-trailer"] !== undefined) continue;
    const rest =
      name === "content-encoding" ? value.split(",").filter((each) => each.trim() !== "aws-chunked") : [value];
    if (rest.length > 0) kept[name] = rest.join(",").trim();
  }
  return kept;
}

function leavingOf({ inbound, authentic: { payload, body } }: Forwarding): Leaving {
  const headers = forwardedHeaders(inbound.headers);
  if (body !== null) return { payload: sha256(body), length: body.length, headers };
  if (payload.kind === "chunks")
    return { payload: unsignedPayload, length: payload.length, headers: withoutChunks(headers) };
  const signed = payload.kind === "hash" ? payload.hash : payload.kind === "trailer" ? trailerPayload : unsignedPayload;
  return { payload: signed, length: mayHaveBody(inbound) ? inbound.length : 0, headers };
}

function framing({ length }: Leaving, method: string): Record<string, string> {
  if (length === null) return { "transfer-encoding": "chunked" };
  return length === 0 && (method === "GET" || method === "HEAD") ? {} : { "content-length": String(length) };
}

function sendBody(request: ClientRequest, { inbound, authentic, placeholder, left }: Forwarding): void {
  const { body, payload, claim } = authentic;
  if (body !== null || !mayHaveBody(inbound)) {
    request.end(body ?? undefined);
    return;
  }
  inbound.wantsBody();
  const late = (): void => void request.destroy(new Error("the client stopped sending"));
  const watch = watchSilence(inbound.body, () => request.writableNeedDrain, late);
  const done = (error: Error | null | undefined): void => {
    watch[Symbol.dispose]();
    if (error !== null && error !== undefined && !left.aborted) request.destroy(error);
  };
  if (payload.kind !== "chunks") {
    pipeline(inbound.body, request, done);
    return;
  }
  const { scope, date, signature } = claim;
  const seed = { key: signingKey(placeholder.secretAccessKey, scope), date, scope, signature };
  pipeline(inbound.body, new SignedChunks(seed, payload.length), request, done);
}

/** Signs a call anew and makes it; resolves to the head of AWS's answer, whose body is for the caller to pass on. */
export async function forwardCall(upstream: Upstream, forwarding: Forwarding): Promise<IncomingMessage> {
  const { inbound, authentic, endpoint, keys, left } = forwarding;
  const leaving = leavingOf(forwarding);
  const query = joinPairs(authentic.claim.query);
  const { method } = inbound;
  const path = `${forwarding.front}${authentic.path.sent}`;
  const unsigned = {
    method,
    path,
    query,
    payload: leaving.payload,
    headers: { ...leaving.headers, host: upstream.hostOf(endpoint.hostname) },
  };
  const { signingRegion: region, signingName: service } = endpoint;
  const headers = {
    ...signedHeaders(unsigned, keys, { region, service, now: Date.now() }),
    ...framing(leaving, method),
  };
  const target = query === "" ? path : `${path}?${query}`;
  const request = upstream.begin({ hostname: endpoint.hostname, method, target, headers });
  const leave = (): void => void request.destroy(new Error("the client went away"));
  left.addEventListener("abort", leave, { once: true });
  request.once("close", () => left.removeEventListener("abort", leave));
  // Whoever waits for the answer is told of it; nobody waits any more once it began.
  request.on("error", () => undefined);
  sendBody(request, forwarding);
  try {
    return await answerTo(request);
  } catch (error) {
    request.destroy();
    throw new Error(`AWS could not be reached at ${endpoint.hostname}: ${messageOf(error)}`);
  }
}
