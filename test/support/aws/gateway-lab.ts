import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { loadTable } from "../../../src/aws/table.js";
import { Secret } from "../../../src/base/secret.js";
import type { Approval } from "../../../src/gateway/approvals.js";
import { Gateway } from "../../../src/gateway/gateway.js";
import type { AskedCall, CallDecision, CallResult, DecidedCall, GatewayHouse } from "../../../src/gateway/house.js";
import { sha256, signedHeaders } from "../../../src/gateway/signature.js";
import { Upstream } from "../../../src/gateway/upstream.js";
import { awsKnowledge } from "../../../src/session/aws/aws-knowledge.js";
import { fetchAwsClients } from "./clients.js";
import { type AwsStub, type StubOptions, startAwsStub } from "./stub.js";

/** The keys of the sandbox that stands before the gateway. */
export const placeholder = {
  accessKeyId: "ASIAAIRLOCKAIRLOCK01",
  secretAccessKey: "placeholder/placeholder/placeholder+0001",
  sessionToken: "airlock-placeholder-token",
};

export const labToken = "the token of the credentials endpoint";

const table = await loadTable(new URL("../../..", import.meta.url).pathname);
const knowledge = awsKnowledge(table);

export interface LabOptions extends StubOptions {
  /** By `service:Operation`; what it does not say is allowed. */
  readonly decide?: (name: string) => CallDecision["verdict"] | undefined;
  readonly ask?: (asked: AskedCall) => Promise<Approval>;
  readonly mode?: "gateway" | "direct";
  readonly record?: (call: DecidedCall) => Promise<void>;
  /** Where calls go, in the place of the stub. */
  readonly upstream?: URL;
}

export type GatewayLab = Awaited<ReturnType<typeof startGatewayLab>>;

/** A gateway on a port of this machine, before the stub that checks signatures. */
export async function startGatewayLab(options: LabOptions = {}) {
  const stub: AwsStub = await startAwsStub(options);
  const decided: DecidedCall[] = [];
  const finished: CallResult[] = [];
  const refused: string[] = [];
  const { accessKeyId, secretAccessKey } = stub.user;
  const keys = { accessKeyId, secretAccessKey: new Secret(secretAccessKey), sessionToken: null, expiresAt: null };
  const house: GatewayHouse = {
    placeholder,
    token: labToken,
    mode: options.mode ?? "gateway",
    knowledge,
    keys: async () => keys,
    decide: async ({ service, operation }) => {
      const verdict = options.decide?.(`${service}:${operation}`) ?? "allow";
      return { verdict, rule: "the test", why: "the test says so", origin: "test" };
    },
    ask: options.ask ?? (async () => ({ verdict: "deny", forSession: false, reason: null, by: "nobody" })),
    async decided(call) {
      await options.record?.(call);
      decided.push(call);
    },
    finished: (result) => void finished.push(result),
    refused: (reason) => void refused.push(reason),
  };
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const upstream = new Upstream(async () => [], options.upstream ?? new URL(stub.url));
  const gateway = new Gateway({ house, port, upstream });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    gateway.accept(socket);
  });
  return {
    ...{ stub, gateway, port, decided, finished, refused, url: `http://127.0.0.1:${port}` },
    async [Symbol.asyncDispose]() {
      gateway[Symbol.dispose]();
      for (const socket of sockets) socket.destroy();
      server.close();
      await stub[Symbol.asyncDispose]();
    },
  };
}

type Client = { send(command: unknown): Promise<Record<string, unknown>> };
type Sdk = Record<string, new (input: unknown) => Client>;

const clientNames: Readonly<Record<string, string>> = {
  "bedrock-runtime": "BedrockRuntimeClient",
  cloudwatch: "CloudWatchClient",
  dynamodb: "DynamoDBClient",
  ec2: "EC2Client",
  iam: "IAMClient",
  lambda: "LambdaClient",
  s3: "S3Client",
  sqs: "SQSClient",
  sts: "STSClient",
};

/** AWS's own clients, pointed at the gateway. */
export async function clientsFor(url: string, credentials: unknown = placeholder) {
  const load = createRequire(join(await fetchAwsClients(), "index.js"));
  return async (service: string, operation: string, input: unknown = {}): Promise<Record<string, unknown>> => {
    const sdk = load(`@aws-sdk/client-${service}`) as Sdk;
    const make = (name: string, value: unknown): Client => {
      const Constructor = sdk[name];
      if (Constructor === undefined) throw new Error(`no ${name}`);
      return new Constructor(value);
    };
    const settings = { region: "eu-central-1", endpoint: url, maxAttempts: 1, credentials };
    return await make(clientNames[service] ?? "", settings).send(make(`${operation}Command`, input));
  };
}

export interface RawCall {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly service?: string;
  readonly region?: string;
  readonly now?: number;
  readonly keys?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string };
  /** What is signed as the body's hash; the body's own when it is not said. */
  readonly payload?: string;
}

/** The headers of a request signed with the sandbox's keys. */
export function signRaw(url: string, call: RawCall): Record<string, string> {
  const { method = "POST", path = "/", query = "", headers = {}, body = "", now = Date.now() } = call;
  const { service = "ec2", region = "eu-central-1", keys = placeholder } = call;
  const own = { host: new URL(url).host, ...headers };
  const payload = call.payload ?? sha256(body);
  const secret = {
    accessKeyId: keys.accessKeyId,
    secretAccessKey: new Secret(keys.secretAccessKey),
    sessionToken: new Secret(keys.sessionToken),
  };
  return signedHeaders({ method, path, query, headers: own, payload }, secret, { region, service, now });
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** Makes a request with exactly these headers; an array has a name twice. */
export function sendRaw(
  url: string,
  { method = "POST", path = "/", query = "", body }: Pick<RawCall, "method" | "path" | "query" | "body">,
  headers: Readonly<Record<string, string | string[]>> | readonly string[],
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const target = query === "" ? path : `${path}?${query}`;
    const sent = request(url, { method, path: target, headers: headers as never, setHost: false, agent: false });
    sent.once("error", reject);
    sent.once("response", (answer) => {
      let text = "";
      answer.on("data", (piece: Buffer) => {
        text += piece.toString("latin1");
      });
      answer.once("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.once("error", reject);
    });
    sent.end(body);
  });
}

/** Signs a request and makes it. */
export async function callRaw(url: string, call: RawCall): Promise<RawAnswer> {
  const { body = "" } = call;
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const headers = signRaw(url, { ...call, headers: { ...(call.service === undefined ? form : {}), ...call.headers } });
  return await sendRaw(url, call, { ...headers, "content-length": String(Buffer.byteLength(body)) });
}
