import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { pipeline } from "node:stream/promises";
import { messageOf } from "../base/errors.js";
import type { AwsCall, AwsProtocol } from "../model/aws.js";
import { AnswerTap } from "./answer-tap.js";
import { type Approvals, callKey } from "./approvals.js";
import { type Authentic, authenticate, judgedBytes, requestHead } from "./authenticate.js";
import type { BodyBudget } from "./body.js";
import { readClaim } from "./claim.js";
import { forwardCall } from "./forward.js";
import { answerHeaders, forwardedHeaders } from "./forwarded-headers.js";
import type { CallDecision, GatewayHouse } from "./house.js";
import { type Inbound, mayHaveBody } from "./inbound.js";
import { Refusal } from "./refusal.js";
import type { ReplayGuard } from "./replay-guard.js";
import { sha256 } from "./signature.js";
import type { Upstream } from "./upstream.js";

export type Response = ServerResponse | Http2ServerResponse;

/** What the requests of one gateway share. */
export interface GatewayParts {
  readonly house: GatewayHouse;
  readonly upstream: Upstream;
  readonly approvals: Approvals;
  readonly replay: ReplayGuard;
  readonly budget: BodyBudget;
  nextNumber(): number;
}

const reads = (call: AwsCall): boolean => call.level === "list" || call.level === "read";
const volatile = /^(amz-sdk-|user-agent$|x-amz-user-agent$|x-amzn-trace-id$|accept)/;

interface Understood {
  readonly number: number;
  readonly inbound: Inbound;
  readonly authentic: Authentic;
  readonly call: AwsCall;
  readonly decision: CallDecision;
  readonly left: AbortSignal;
}

/** In which form an answer is given. */
interface Shape {
  readonly protocol: AwsProtocol;
  readonly service: string | null;
}

/** One request from beginning to end. */
export class Exchange {
  readonly #parts: GatewayParts;
  readonly #response: Response;
  #shape: Shape | null = null;

  constructor(parts: GatewayParts, response: Response) {
    this.#parts = parts;
    this.#response = response;
  }

  /** Serves it; everything that goes wrong becomes an answer, or the end of the connection. */
  async serve(inbound: Inbound, host: string | null, left: AbortSignal): Promise<void> {
    const { house, budget } = this.#parts;
    let held = 0;
    try {
      const authentic = await authenticate(this.#parts, inbound, host);
      held = authentic.body?.length ?? 0;
      const call = this.#identify(inbound, authentic, host);
      const number = this.#parts.nextNumber();
      const understood = { number, inbound, authentic, call, decision: await house.decide(call), left };
      if (await this.#mayGo(understood)) await this.#make(understood);
    } catch (error) {
      this.#fail(error, inbound);
    } finally {
      budget.give(held);
    }
  }

  // What is wrong is said in the form that the client understands, also before anything about it is known to be true.
  #guessShape(inbound: Inbound): Shape {
    const claim = readClaim(inbound);
    const { service, region } = typeof claim === "string" ? { service: "", region: "" } : claim.scope;
    const { method, path, query, headers } = inbound;
    const request = { method, path, query, headers, body: null, scope: { service, region }, host: null };
    const guess = this.#parts.house.knowledge.identify(request);
    const protocol = guess.known ? guess.call.protocol : guess.protocol;
    return { protocol, service: guess.known ? guess.call.service : service === "" ? null : service };
  }

  #identify(inbound: Inbound, { claim, path, body }: Authentic, host: string | null): AwsCall {
    const { knowledge, refused } = this.#parts.house;
    const judged = body !== null && body.length <= judgedBytes ? body : null;
    const found = knowledge.identify({ ...requestHead(inbound, claim, path, host), body: judged });
    const problem = found.known ? unsupported(found.call, inbound) : found.reason;
    if (problem !== null || !found.known) {
      refused(problem ?? "", claim.scope);
      throw new Refusal("denied", problem ?? "");
    }
    const { protocol, service } = found.call;
    this.#shape = { protocol, service };
    return found.call;
  }

  async #mayGo(understood: Understood): Promise<boolean> {
    const { house } = this.#parts;
    const { call, decision, number, left } = understood;
    const { verdict, rule, why, origin } = decision;
    const note = (what: string, by: string): Promise<void> =>
      house.decided({ number, call, decision: what, rule, by }, !reads(call));
    if (verdict === "allow") {
      await note("allowed", origin);
      return !left.aborted;
    }
    if (verdict === "ask") return await this.#ask(understood, note);
    await note(verdict === "deny" ? "denied" : "would-have", origin);
    const name = `${call.service}:${call.operation}`;
    if (verdict === "deny") throw new Refusal("denied", `${name} is denied by Airlock's policy: ${why} (${rule})`);
    throw new Refusal("dry-run", `${name} would have been made, but this session is a dry run (${rule})`);
  }

  async #ask(understood: Understood, note: (what: string, by: string) => Promise<void>): Promise<boolean> {
    const { approvals, house } = this.#parts;
    const { call, decision, left, authentic } = understood;
    const { body, payload } = authentic;
    const bodyHash = body !== null ? sha256(body) : payload.kind === "hash" ? payload.hash : null;
    const name = `${call.service}:${call.operation}`;
    const key = keyOf(understood, bodyHash);
    const asked = { call, decision, bodyHash, parameters: parametersOf(understood.inbound, body) };
    const answer = await approvals.wait(key, () => house.ask(asked), left);
    if (answer === "gone") return false;
    if (answer === "pending" || answer === "full") {
      await note("asked-pending", "nobody");
      const again =
        bodyHash === null ? "make the same call again" : "make exactly this call again once it was answered";
      throw new Refusal("pending", `${name} waits for a person's approval (airlock approve): ${again}`);
    }
    const allowed = answer.verdict === "allow";
    await note(allowed ? "asked-allowed" : "asked-denied", answer.by);
    const reason = answer.reason === null ? "" : `: ${answer.reason}`;
    if (!allowed) throw new Refusal("denied", `${name} was denied by a person${reason}`);
    return !left.aborted;
  }

  async #make({ number, inbound, authentic, call, left }: Understood): Promise<void> {
    const { house, upstream } = this.#parts;
    const started = performance.now();
    const tap = new AnswerTap(!reads(call));
    let status: number | null = null;
    let problem: string | null = null;
    try {
      const endpoint = house.knowledge.endpointOf(call);
      if (endpoint === null) throw new Refusal("denied", `${call.service} has no endpoint in ${call.region}`);
      const keys = await house.keys().catch((error: unknown) => {
        throw new Refusal("unavailable", `the host has no credentials for this now: ${messageOf(error)}`);
      });
      if (left.aborted) return;
      const { placeholder } = house;
      const isBucket = upstream.isElsewhere && call.service === "s3" && call.hostPrefix !== "";
      const front = isBucket ? `/${call.hostPrefix.slice(0, -1)}` : "";
      const answer = await forwardCall(upstream, { inbound, authentic, endpoint, front, keys, placeholder, left });
      status = answer.statusCode ?? 502;
      tap.head(status, answer.headers);
      // Of both kinds of HTTP, one writes this one, the other that one's signature.
      (this.#response as ServerResponse).writeHead(status, answerHeaders(answer.rawHeaders));
      if (tap.isNeeded) await pipeline(answer, tap, this.#response as ServerResponse);
      else await pipeline(answer, this.#response as ServerResponse);
    } catch (error) {
      problem = messageOf(error);
      throw error;
    } finally {
      const effects = house.knowledge.effectsOf(call, tap.seen);
      const milliseconds = Math.round((performance.now() - started) * 10) / 10;
      house.finished({ number, call, status, error: problem ?? tap.errorCode, effects, milliseconds });
    }
  }

  #fail(error: unknown, inbound: Inbound): void {
    const response = this.#response as ServerResponse;
    if (response.headersSent || response.destroyed) {
      // What was begun must not look finished.
      response.destroy();
      return;
    }
    const refusal = error instanceof Refusal ? error : new Refusal("unavailable", messageOf(error));
    const { kind, message } = refusal;
    const requestId = randomUUID();
    const answer = this.#parts.house.knowledge.answer(
      { ...(this.#shape ?? this.#guessShape(inbound)), method: inbound.method },
      { kind, message: `airlock: ${message}`, requestId },
    );
    // A body that nobody reads is not waited for: the connection ends with the answer.
    const isUnread = mayHaveBody(inbound) && !inbound.body.readableEnded && inbound.headers[":method"] === undefined;
    const closing = isUnread ? { connection: "close" } : {};
    response.writeHead(answer.status, { ...answer.headers, "content-length": answer.body.length, ...closing });
    response.end(inbound.method === "HEAD" ? undefined : answer.body);
  }
}

function unsupported(call: AwsCall, { method, headers }: Inbound): string | null {
  if (call.presigned && method !== "GET" && method !== "HEAD")
    return "presigned URLs are supported for reading alone; make the call with the keys of this sandbox";
  if (headers["upgrade"] !== undefined) return "websockets are not supported";
  if (headers["content-type"]?.startsWith("application/vnd.amazon.eventstream") === true)
    return "streams of events to AWS are not supported yet";
  return null;
}

function keyOf({ inbound, authentic, number, call }: Understood, bodyHash: string | null): string {
  const headers = Object.entries(forwardedHeaders(inbound.headers)).filter(([name]) => !volatile.test(name));
  const flat = headers.map(([name, value]) => `${name}:${value}`).sort();
  const { claim, path } = authentic;
  // What cannot be told from another body is approved for this one request alone.
  const body = bodyHash ?? `request ${number}`;
  const query = claim.query.map((pair) => pair.join("="));
  return callKey([call.service, call.region, inbound.method, path.sent, ...query, "", ...flat, "", body]);
}

const shownBytes = 16_384;

function parametersOf({ headers, length }: Inbound, body: Buffer | null): string {
  if (body === null)
    return `a body of ${headers["x-amz-decoded-content-length"] ?? length ?? "unknown"} bytes, not shown`;
  const type = headers["content-type"] ?? "";
  const text = body.toString("utf8", 0, shownBytes);
  if (/cbor|octet-stream/.test(type) || text.includes("\u0000")) return `a body of ${body.length} bytes, not text`;
  if (!type.startsWith("application/x-www-form-urlencoded")) return text;
  return [...new URLSearchParams(text)]
    .filter(([name]) => name !== "Action" && name !== "Version")
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}
