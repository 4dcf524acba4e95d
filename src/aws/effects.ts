import type { AwsCall } from "../model/aws.js";

/** Ids of what a call made, changed or deleted. */
export interface AwsEffects {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly deleted: readonly string[];
}

const idsAtMost = 50;
const lengthAtMost = 512;
const depthAtMost = 6;

const none: AwsEffects = { created: [], changed: [], deleted: [] };
const creates =
  /^(?:Allocate|BatchCreate|Clone|Copy|Create|Import|Publish(?=Layer|Version)|Purchase|Register|Request|Restore|Run)/;
const deletes = /^(?:Abort|BatchDelete|Delete|Deregister|Destroy|Purge|Release|Remove|Terminate|Unregister)/;

/** `CreateLoadBalancer` is about a `loadbalancer`. */
const nounOf = (operation: string): string =>
  operation
    .replace(/^(?:Batch)?[A-Z][a-z]+/, "")
    .toLowerCase()
    .replace(/s$/, "");

interface Found {
  readonly name: string;
  readonly value: string;
}

function fromXml(text: string): Found[] {
  return [...text.matchAll(/<(\w{1,60}(?:Id|Arn|Name|Url|ARN))>([^<]{1,512})<\//g)].map(
    ([, name = "", value = ""]) => ({ name, value }),
  );
}

function fromJson(text: string): Found[] {
  const found: Found[] = [];
  const visit = (name: string, value: unknown, depth: number): void => {
    if (depth > depthAtMost || found.length > 500) return;
    if (typeof value === "string") {
      if (/(?:Id|Arn|Name|Url|ARN)s?$/i.test(name)) found.push({ name, value });
    } else if (Array.isArray(value)) for (const each of value) visit(name, each, depth + 1);
    else if (typeof value === "object" && value !== null) {
      for (const [key, each] of Object.entries(value)) visit(key, each, depth + 1);
    }
  };
  try {
    visit("", JSON.parse(text), 0);
  } catch {
    // A cut or compressed answer names nothing; what the request named is recorded all the same.
    return [];
  }
  return found;
}

const stem = (name: string): string => name.toLowerCase().replace(/(?:id|arn|name|url)s?$/, "");

/** Of the ids in an answer those that are called like what was made; else its ARNs. */
function madeIn(operation: string, answer: Uint8Array | null): string[] {
  const text = answer === null ? "" : Buffer.from(answer.buffer, answer.byteOffset, answer.length).toString("utf8");
  const found = (text.trimStart().startsWith("<") ? fromXml(text) : fromJson(text)).filter(
    ({ name }) => !/request_?id$/i.test(name),
  );
  const noun = nounOf(operation);
  const called = found.filter(
    ({ name }) => stem(name) !== "" && (noun.endsWith(stem(name)) || stem(name).endsWith(noun)),
  );
  const ids = called.filter(({ name }) => /id$/i.test(name));
  if (ids.length > 0) return ids.map(({ value }) => value);
  return (called.length > 0 ? called : found.filter(({ value }) => value.startsWith("arn:"))).map(({ value }) => value);
}

const bounded = (values: readonly string[]): string[] =>
  [...new Set(values.filter((value) => value !== "" && value.length <= lengthAtMost))].slice(0, idsAtMost);

function namedIn({ service, operation, resources }: AwsCall): string[] {
  const objects = resources.filter(({ kind }) => kind === "ObjectName").map(({ value }) => value);
  if (service === "s3" && objects.length > 0) return objects;
  if (service === "s3") {
    const [bucket, key] = ["Bucket", "Key"].map((kind) => resources.find((each) => each.kind === kind)?.value);
    return bucket === undefined ? [] : [key === undefined ? bucket : `${bucket}/${key}`];
  }
  const noun = nounOf(operation);
  const called = resources.filter(({ kind }) => stem(kind) !== "" && noun.endsWith(stem(kind)));
  const [first] = resources;
  const main = called.length > 0 ? called : resources.filter(({ kind }) => kind === first?.kind);
  return main.map(({ value }) => value);
}

/**
 * What a call that went through left behind, from what it named and what the answer says. An object that was put counts as changed: whether
 * there was one before is not known, and nothing may later be deleted for it.
 */
export function effectsOf(call: AwsCall, answer: Uint8Array | null): AwsEffects {
  if (call.level === "list" || call.level === "read" || call.dryRun) return none;
  const named = namedIn(call);
  if (deletes.test(call.operation)) return { ...none, deleted: bounded(named) };
  const isObject = call.service === "s3" && call.operation !== "CreateBucket";
  if (!creates.test(call.operation) || isObject) return { ...none, changed: bounded(named) };
  const made = madeIn(call.operation, answer);
  return { ...none, created: bounded(made.length > 0 ? made : named) };
}
