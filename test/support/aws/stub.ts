import { once } from "node:events";
import {
  createServer as createHttp,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeEvent } from "./event-stream.js";
import { type StubCaller, StubFault, type StubOperation } from "./stub-call.js";
import { makeEc2 } from "./stub-ec2.js";
import { makeIam, makeSts, type Refusals, type StubKey } from "./stub-identity.js";
import { makeS3 } from "./stub-s3.js";
import { makeCloudWatch, makeLambda, makeSqs } from "./stub-services.js";
import {
  type Dialect,
  type ReadCall,
  readCall,
  type StubReply,
  type WireCall,
  writeAnswer,
  writeFault,
} from "./stub-wire.js";
import { verifySignature } from "./verify-signature.js";

type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;
type Writer = (response: Outgoing) => void;

/** A call that the stub answered. */
export interface SeenCall {
  readonly service: string;
  readonly operation: string;
  readonly accessKeyId: string;
  readonly arn: string;
  readonly status: number;
}

/** A small AWS on this machine's loopback, which believes no signature that it did not check. HTTP/1.1 and, on the same port, HTTP/2. */
export interface AwsStub extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** A user's key, which does not end. */
  readonly user: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** All keys that it knows; take one out, and it is invalid. */
  readonly keys: Map<string, StubKey>;
  /** Operations that shall fail, with the code to fail with. */
  readonly refuse: Refusals;
  readonly seen: SeenCall[];
  readonly buckets: Map<string, Map<string, Buffer>>;
  readonly iam: { readonly rolePolicies: Map<string, string>; alias: string | null };
}

export interface StubOptions {
  readonly account?: string;
  readonly alias?: string;
  /** The port of a DynamoDB on this machine that checks no signatures. */
  readonly dynamodb?: number;
  /** Between two events of a stream. */
  readonly eventMs?: number;
}

const user = {
  accessKeyId: "AKIAREALREALREALREAL",
  secretAccessKey: "realRealRealRealRealRealRealRealReal0001",
};

async function readBody(request: Incoming): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function reply(response: Outgoing, { status, type, body, headers = {} }: StubReply): void {
  const length = { "content-length": String(Buffer.byteLength(body)) };
  response.writeHead(status, { ...length, "content-type": type, "x-amzn-requestid": "stub", ...headers });
  response.end(body);
}

// What cannot be told before the call is read.
function dialectOf({ headers, service }: { headers: WireCall["headers"]; service: string }): Dialect {
  if (service === "ec2") return "ec2";
  if (service === "s3") return "rest-xml";
  if (headers["x-amz-target"] !== undefined) return "json";
  return String(headers["content-type"]).includes("x-www-form-urlencoded") ? "query" : "rest-json";
}

async function streamConverse(response: Outgoing, eventMs: number): Promise<void> {
  response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": "stub" });
  const send = (type: string, payload: unknown): void => {
    (response as ServerResponse).write(encodeEvent(type, payload));
  };
  send("messageStart", { role: "assistant" });
  for (const word of ["one ", "two ", "three"]) {
    send("contentBlockDelta", { contentBlockIndex: 0, delta: { text: word } });
    await sleep(eventMs);
  }
  send("messageStop", { stopReason: "end_turn" });
  response.end();
}

function forwardTo(port: number, { method, target, headers, body }: WireCall, response: Outgoing): void {
  const wanted = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
  const onward = requestHttp({ host: "127.0.0.1", port, method, path: target, headers: Object.fromEntries(wanted) });
  onward.on("response", (answer) => {
    const { connection: _, "transfer-encoding": __, ...kept } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, kept);
    answer.pipe(response as ServerResponse);
  });
  onward.on("error", () =>
    reply(response, writeFault("json", new StubFault("InternalServerError", "no DynamoDB", 500))),
  );
  onward.end(body);
}

// Gives both kinds of HTTP the connections that speak them.
function listenBoth(handle: (request: Incoming, response: Outgoing) => void) {
  const sockets = new Set<Socket>();
  const [first, second] = [createHttp(handle), createHttp2(handle)];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
    socket.once("data", (bytes: Buffer) => {
      socket.pause();
      socket.unshift(bytes);
      (bytes.toString("latin1", 0, 3) === "PRI" ? second : first).emit("connection", socket);
      setImmediate(() => socket.resume());
    });
  });
  return { server, sockets };
}

function makeServices(account: string, keys: Map<string, StubKey>, iam: AwsStub["iam"], origin: () => string) {
  const services: Readonly<Record<string, Readonly<Record<string, StubOperation>>>> = {
    ec2: makeEc2(account),
    iam: makeIam(iam),
    lambda: makeLambda(account),
    monitoring: makeCloudWatch(),
    sqs: makeSqs(account, origin),
    sts: makeSts(keys),
    bedrock: {
      Converse: () => ({
        output: { message: { role: "assistant", content: [{ text: "one two three" }] } },
        ...{ stopReason: "end_turn", usage: { inputTokens: 1, outputTokens: 3, totalTokens: 4 } },
      }),
    },
  };
  return services;
}

/** Starts one. */
export async function startAwsStub(options: StubOptions = {}): Promise<AwsStub> {
  const { account = "123456789012", eventMs = 100, dynamodb } = options;
  const caller = {
    ...{ account, arn: `arn:aws:iam::${account}:user/alice`, userId: "AIDASTUBSTUBSTUBSTUB1" },
    ...{ policy: null, isTemporary: false },
  };
  const keys = new Map<string, StubKey>([
    [user.accessKeyId, { secret: user.secretAccessKey, token: null, expiresAt: null, caller }],
  ]);
  const seen: SeenCall[] = [];
  const refuse: Refusals = new Map();
  const s3 = makeS3();
  const iam: AwsStub["iam"] = { rolePolicies: new Map(), alias: options.alias ?? null };
  let url = "";
  const services = makeServices(account, keys, iam, () => url);

  // What it answers, or what writes the answer piece by piece.
  const decide = (call: WireCall, read: ReadCall | null, region: string, known: StubCaller): StubReply | Writer => {
    if (read === null) throw new StubFault("UnknownOperationException", "nothing that is known here");
    const code = refuse.get(read.operation);
    if (code !== undefined) throw new StubFault(code, `refused: ${code}`, 403);
    if (call.service === "s3") return s3.answer(call);
    if (call.service === "dynamodb" && dynamodb !== undefined) return (response) => forwardTo(dynamodb, call, response);
    if (read.operation === "ConverseStream") return (response) => void streamConverse(response, eventMs);
    const operation = services[call.service]?.[read.operation];
    if (operation === undefined) throw new StubFault("UnknownOperationException", `no ${read.operation} here`);
    const { service } = call;
    return writeAnswer(read, operation({ ...read, service, region, caller: known }), service);
  };

  const serve = (call: WireCall, accessKeyId: string, region: string): StubReply | Writer => {
    const known = keys.get(accessKeyId)?.caller ?? caller;
    const read = readCall(call);
    const note = (status: number): void => {
      const operation = read?.operation ?? "?";
      seen.push({ service: call.service, operation, accessKeyId, arn: known.arn, status });
    };
    try {
      const answer = decide(call, read, region, known);
      note(typeof answer === "function" ? 200 : answer.status);
      return answer;
    } catch (error) {
      const fault = error instanceof StubFault ? error : new StubFault("InternalFailure", String(error), 500);
      note(fault.status);
      return writeFault(read?.dialect ?? dialectOf(call), fault);
    }
  };

  const handle = async (request: Incoming, response: Outgoing): Promise<void> => {
    const body = await readBody(request);
    const signed = { method: request.method ?? "", target: request.url ?? "", headers: request.headers, body };
    const verdict = verifySignature(signed, (id) => keys.get(id), Date.now());
    if (verdict.ok) {
      const answer = serve({ ...signed, service: verdict.service }, verdict.accessKeyId, verdict.region);
      if (typeof answer === "function") answer(response);
      else reply(response, answer);
      return;
    }
    const { code, service } = verdict;
    seen.push({ service, operation: "?", accessKeyId: "?", arn: code, status: 403 });
    const dialect = dialectOf({ headers: request.headers, service });
    reply(response, writeFault(dialect, new StubFault(code, "the signature is not right", 403)));
  };

  const { server, sockets } = listenBoth((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  return {
    ...{ url, port, user, keys, refuse, seen, buckets: s3.buckets, iam },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
