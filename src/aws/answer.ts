import { escapeText } from "../base/escape.js";
import type { AwsProtocol } from "../model/aws.js";
import { encodeTexts } from "./cbor.js";

/** Why a call is not forwarded. `pending` and `would-have` are denials, too, in the words of the service. */
export type DenialKind = "denied" | "would-have" | "signature";

export interface Denial {
  readonly kind: DenialKind;
  readonly message: string;
  readonly requestId: string;
}

/** Whom to answer: the form of the call and, where it is known, its service. */
export interface Asker {
  readonly protocol: AwsProtocol;
  readonly service: string | null;
  readonly method: string;
}

export interface AwsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};
const xml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? "");

// What each client makes its own error type of.
const codes: Readonly<Record<DenialKind, { readonly ec2: string; readonly xml: string; readonly json: string }>> = {
  denied: { ec2: "UnauthorizedOperation", xml: "AccessDenied", json: "AccessDeniedException" },
  "would-have": { ec2: "DryRunOperation", xml: "AccessDenied", json: "AccessDeniedException" },
  signature: { ec2: "AuthFailure", xml: "SignatureDoesNotMatch", json: "InvalidSignatureException" },
};

const answer = (status: number, type: string, body: string | Uint8Array, headers = {}): AwsAnswer => ({
  status,
  headers: { "content-type": type, ...headers },
  body: typeof body === "string" ? Buffer.from(body) : body,
});

function wrapped({ kind, message, requestId }: Denial): AwsAnswer {
  const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${codes[kind].xml}</Code><Message>${xml(message)}</Message></Error><RequestId>${xml(requestId)}</RequestId></ErrorResponse>`;
  return answer(403, "text/xml", body, { "x-amzn-requestid": requestId });
}

function ofEc2({ kind, message, requestId }: Denial): AwsAnswer {
  const status = kind === "would-have" ? 412 : kind === "signature" ? 401 : 403;
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${codes[kind].ec2}</Code><Message>${xml(message)}</Message></Error></Errors><RequestID>${xml(requestId)}</RequestID></Response>`;
  return answer(status, "text/xml;charset=UTF-8", body, { "x-amzn-requestid": requestId });
}

function ofS3({ kind, message, requestId }: Denial, method: string): AwsAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${codes[kind].xml}</Code><Message>${xml(message)}</Message><RequestId>${xml(requestId)}</RequestId><HostId>airlock</HostId></Error>`;
  return answer(403, "application/xml", method === "HEAD" ? "" : body, { "x-amz-request-id": requestId });
}

function ofJson({ kind, message, requestId }: Denial, version: string): AwsAnswer {
  const code = codes[kind].json;
  const body = JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message, Message: message });
  const headers = { "x-amzn-errortype": code, "x-amzn-requestid": requestId };
  return answer(400, `application/x-amz-json-${version}`, body, headers);
}

function ofRestJson({ kind, message, requestId }: Denial, method: string): AwsAnswer {
  const headers = { "x-amzn-errortype": codes[kind].json, "x-amzn-requestid": requestId };
  const body = method === "HEAD" ? "" : JSON.stringify({ message, Message: message });
  return answer(403, "application/json", body, headers);
}

function ofCbor({ kind, message, requestId }: Denial): AwsAnswer {
  const body = encodeTexts({ __type: `com.amazon.coral.service#${codes[kind].json}`, message });
  return answer(403, "application/cbor", body, { "smithy-protocol": "rpc-v2-cbor", "x-amzn-requestid": requestId });
}

/** The refusal of a call as its service would write it, so that the client raises its own type of error, with our words in it. */
export function denialAnswer({ protocol, service, method }: Asker, denial: Denial): AwsAnswer {
  const safe = { ...denial, message: escapeText(denial.message) };
  switch (protocol) {
    case "ec2":
      return ofEc2(safe);
    case "query":
      return wrapped(safe);
    case "rest-xml":
      return service === null || service === "s3" ? ofS3(safe, method) : wrapped(safe);
    case "json-1.0":
      return ofJson(safe, "1.0");
    case "json-1.1":
      return ofJson(safe, "1.1");
    case "rest-json":
      return ofRestJson(safe, method);
    case "rpc-v2-cbor":
      return ofCbor(safe);
  }
}
