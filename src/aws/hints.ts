import type { AwsRequest } from "../model/aws.js";
import { segmentsOf } from "./routes.js";

/** Names and values of a query or a form, decoded, in their order. */
export type Pairs = readonly (readonly [string, string])[];

/** A request that is not forwarded, with the reason for the client and the journal. */
export class Refusal extends Error {}

const pairsAtMost = 10_000;

/** Parts of a signature in a URL; the verifier has looked at them. */
const signatureNames = new Set(
  ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token"].map(
    (name) => `X-Amz-${name}`,
  ),
);

/** Decodes once, strictly: what two readers could take for different texts is refused. */
export function decodeOnce(text: string, what: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(`${what} is not encoded as UTF-8`);
  }
}

// A semicolon separates pairs for some readers of forms, and belongs to the value for others.
export function readPairs(text: string, what: string): Pairs {
  if (text === "") return [];
  if (text.includes(";")) throw new Refusal(`${what} holds a bare ";"`);
  const parts = text.split("&");
  if (parts.length > pairsAtMost) throw new Refusal(`${what} holds too many parameters`);
  return parts.flatMap((part): Pairs => {
    if (part === "") return [];
    const at = part.indexOf("=");
    const [name, value] = at === -1 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
    return [[decodeOnce(name.replaceAll("+", " "), what), decodeOnce(value.replaceAll("+", " "), what)]];
  });
}

export interface Hints {
  readonly request: AwsRequest;
  readonly contentType: string;
  /** Without what belongs to a signature. */
  readonly query: Pairs;
  readonly presigned: boolean;
  readonly target: string | null;
  readonly isCbor: boolean;
  readonly isForm: boolean;
  readonly actionInQuery: boolean;
  /** Segments of the path, as on the wire. */
  readonly parts: readonly string[];
}

const overrides = ["x-http-method-override", "x-http-method", "x-method-override"];
const isAction = ([name]: readonly [string, string]): boolean => name.toLowerCase() === "action";

function checkPath(path: string): void {
  if (!path.startsWith("/")) throw new Refusal("the path does not begin with a slash");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x20\x7f-\uffff#?\\]/.test(path)) throw new Refusal("the path holds a character that must be encoded");
  for (const part of path.split("/")) {
    const plain = decodeOnce(part, "the path");
    // Some servers resolve dots before they look at a path and some do not: one would see another resource than we do.
    if (plain.split("/").some((each) => each === "." || each === "..")) {
      throw new Refusal("the path holds . or .. as a part");
    }
    if (plain.includes("\0")) throw new Refusal("the path holds a NUL character");
  }
}

/** Everything in a request that says which operation it is. */
export function readHints(request: AwsRequest): Hints {
  const { method, path, query, headers, scope } = request;
  if (!/^[A-Z]{3,7}$/.test(method)) throw new Refusal("the method is not one of HTTP's");
  if (!/^[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/.test(scope.region)) {
    throw new Refusal("the region in the signature is no region of AWS (SigV4A is not supported)");
  }
  const override = overrides.find((name) => Object.hasOwn(headers, name));
  if (override !== undefined) throw new Refusal(`the header ${override} asks for another method`);
  checkPath(path);
  const all = readPairs(query, "the query");
  const plain = all.filter(([name]) => !signatureNames.has(name));
  return {
    request,
    contentType: (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "",
    query: plain,
    presigned: all.some(([name]) => name === "X-Amz-Signature"),
    target: headers["x-amz-target"] ?? null,
    isCbor: Object.hasOwn(headers, "smithy-protocol"),
    isForm: /^application\/x-www-form-urlencoded\b/i.test(headers["content-type"] ?? ""),
    actionInQuery: plain.some(isAction),
    parts: segmentsOf(path),
  };
}

/** The one `Action` of a form, which must be there once, in its own spelling. */
export function actionOf(pairs: Pairs): string {
  const found = pairs.filter(isAction);
  if (found.length !== 1) throw new Refusal(found.length === 0 ? "it names no Action" : "it names Action twice");
  const [[name, action] = ["", ""]] = found;
  if (name !== "Action") throw new Refusal(`it names the action as "${name}"`);
  const versions = pairs.filter(([each]) => each.toLowerCase() === "version");
  const isVersion = versions.every(([each, value]) => each === "Version" && /^\d{4}-\d\d-\d\d$/.test(value));
  if (versions.length > 1 || !isVersion) throw new Refusal("its Version is there twice, or is no date");
  return checkName(action);
}

/** An operation's name as a request gives it. */
export function checkName(name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,127}$/.test(name)) throw new Refusal("it names something that cannot be an operation");
  return name;
}
