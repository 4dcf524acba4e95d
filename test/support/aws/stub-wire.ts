import { type CborValue, decodeCbor, encodeCbor } from "./cbor.js";
import type { StubAnswer, StubFault } from "./stub-call.js";
import type { SignedRequest } from "./verify-signature.js";

/** A request whose signature is right. */
export interface WireCall extends SignedRequest {
  readonly service: string;
}

export interface StubReply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a call is written. */
export type Dialect = "query" | "ec2" | "json" | "rest-json" | "cbor" | "rest-xml";

export interface ReadCall {
  readonly dialect: Dialect;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

const restJson: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  lambda: [
    [/^GET \/2015-03-31\/functions\/?$/, "ListFunctions"],
    [/^POST \/2015-03-31\/functions\/?$/, "CreateFunction"],
    [/^GET \/2015-03-31\/functions\/([^/]+)$/, "GetFunction"],
    [/^DELETE \/2015-03-31\/functions\/([^/]+)$/, "DeleteFunction"],
    [/^POST \/2015-03-31\/functions\/([^/]+)\/invocations$/, "Invoke"],
  ],
  bedrock: [
    [/^POST \/model\/([^/]+)\/converse-stream$/, "ConverseStream"],
    [/^POST \/model\/([^/]+)\/converse$/, "Converse"],
  ],
};

const parseJson = (body: Buffer): Record<string, unknown> => (body.length === 0 ? {} : JSON.parse(body.toString()));

function readRest({ service, method, target, body }: WireCall): ReadCall | null {
  const path = `${method} ${target.split("?")[0]}`;
  for (const [pattern, operation] of restJson[service] ?? []) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const isDocument = operation !== "Invoke";
    const named = match[1] === undefined ? {} : { FunctionName: decodeURIComponent(match[1]) };
    return { dialect: "rest-json", operation, input: { ...(isDocument ? parseJson(body) : {}), ...named } };
  }
  return null;
}

/** Finds the operation and its input; null: nothing that the stub knows. */
export function readCall(call: WireCall): ReadCall | null {
  const { service, target, headers, body } = call;
  if (service === "s3") return { dialect: "rest-xml", operation: call.method, input: {} };
  if (restJson[service] !== undefined) return readRest(call);
  const cbor = /\/service\/[^/]+\/operation\/(\w+)$/.exec(target);
  if (cbor !== null) {
    const input = body.length === 0 ? {} : (decodeCbor(body) as Record<string, unknown>);
    return { dialect: "cbor", operation: cbor[1] ?? "", input };
  }
  const named = headers["x-amz-target"];
  if (typeof named === "string") {
    return { dialect: "json", operation: named.split(".").at(-1) ?? "", input: parseJson(body) };
  }
  const query = call.method === "GET" ? (target.split("?")[1] ?? "") : body.toString();
  const input = Object.fromEntries(new URLSearchParams(query));
  const operation = input["Action"];
  // Old clients name the queue by the path.
  if (service === "sqs" && target !== "/") input["QueueUrl"] ??= target;
  return operation === undefined ? null : { dialect: service === "ec2" ? "ec2" : "query", operation, input };
}

const escapeXml = (text: string): string =>
  text.replace(/[&<>]/g, (each) => (each === "&" ? "&amp;" : each === "<" ? "&lt;" : "&gt;"));

/** Lists that stand in XML without an element around them, and the name of theirs. */
const flat: Readonly<Record<string, string>> = { QueueUrls: "QueueUrl", Messages: "Message" };

function xml(value: CborValue, item: string): string {
  if (Array.isArray(value)) return value.map((each) => `<${item}>${xml(each, item)}</${item}>`).join("");
  if (typeof value !== "object" || value === null) return escapeXml(String(value));
  return Object.entries(value as StubAnswer)
    .map(([name, each]) => {
      const own = flat[name];
      return own === undefined ? `<${name}>${xml(each, item)}</${name}>` : xml(each, own);
    })
    .join("");
}

/** The answer as the caller's SDK expects it. */
export function writeAnswer({ dialect, operation }: ReadCall, answer: StubAnswer, service: string): StubReply {
  if (dialect === "cbor")
    return {
      ...{ status: 200, type: "application/cbor", body: encodeCbor(answer) },
      headers: { "smithy-protocol": "rpc-v2-cbor" },
    };
  if (dialect === "ec2") {
    const body = `<${operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>${xml(answer, "item")}</${operation}Response>`;
    return { status: 200, type: "text/xml", body };
  }
  if (dialect === "query") {
    const body = `<${operation}Response xmlns="https://${service}.amazonaws.com/doc/"><${operation}Result>${xml(answer, "member")}</${operation}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${operation}Response>`;
    return { status: 200, type: "text/xml", body };
  }
  const type = dialect === "json" ? "application/x-amz-json-1.0" : "application/json";
  return { status: 200, type, body: JSON.stringify(answer) };
}

/** The error as the caller's SDK expects it. */
export function writeFault(dialect: Dialect, { code, message, status }: StubFault): StubReply {
  const short = code.split("#").at(-1) ?? code;
  const inside = `<Code>${short}</Code><Message>${escapeXml(message)}</Message>`;
  const asXml = (body: string): StubReply => ({ status, type: "text/xml", body });
  if (dialect === "rest-xml") return asXml(`<Error>${inside}</Error>`);
  if (dialect === "ec2")
    return asXml(`<Response><Errors><Error>${inside}</Error></Errors><RequestID>r</RequestID></Response>`);
  if (dialect === "query")
    return asXml(`<ErrorResponse><Error><Type>Sender</Type>${inside}</Error><RequestId>r</RequestId></ErrorResponse>`);
  if (dialect === "cbor")
    return {
      ...{ status, type: "application/cbor", body: encodeCbor({ __type: code, message }) },
      headers: { "smithy-protocol": "rpc-v2-cbor" },
    };
  const body = JSON.stringify({ __type: code, message });
  return { status, type: "application/json", body, headers: { "x-amzn-errortype": short } };
}
