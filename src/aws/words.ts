import { escapeText } from "../base/escape.js";
import type { AwsCall, AwsResource } from "../model/aws.js";

const shownAtMost = 5;
const valueAtMost = 100;

/** `TerminateDBInstances` as `terminate DB instances`: verb and noun. */
function wordsOf(operation: string): string[] {
  const words = operation.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [operation];
  return words.map((word) => (/^[A-Z]{2,}$/.test(word) ? word : word.toLowerCase()));
}

const shown = (value: string): string => {
  const safe = escapeText(value);
  return safe.length > valueAtMost ? `${safe.slice(0, valueAtMost)}…` : safe;
};

const stem = (text: string): string =>
  text
    .toLowerCase()
    .replace(/(?:ids?|names?|arns?|identifiers?|urls?)$/, "")
    .replace(/s$/, "");

/** What is called like the operation's noun. */
function ofNoun(noun: string, resources: readonly AwsResource[]): readonly AwsResource[] {
  const wanted = stem(noun.replaceAll(" ", ""));
  return resources.filter(({ kind }) => stem(kind) !== "" && wanted.endsWith(stem(kind)));
}

function listed(values: readonly string[]): string {
  const some = values.slice(0, shownAtMost).map(shown);
  const more = values.length - some.length;
  return more > 0 ? `${some.join(", ")} and ${more} more` : some.join(", ");
}

function objectOf(call: AwsCall): string {
  const value = (kind: string): string | undefined => call.resources.find((each) => each.kind === kind)?.value;
  const [bucket, key] = [value("Bucket"), value("Key")];
  return shown(key === undefined ? (bucket ?? "") : `${bucket}/${key}`);
}

function named(call: AwsCall): string {
  const [verb = "", ...rest] = wordsOf(call.operation);
  const noun = rest.join(" ");
  if (call.service === "s3" && call.operation !== "DeleteObjects") return `${verb} ${noun} ${objectOf(call)}`.trim();
  const main = ofNoun(noun, call.resources).map(({ value }) => value);
  if (main.length > 1) return `${verb} ${main.length} ${noun} ${listed(main)}`;
  if (main.length === 1) return `${verb} ${noun.replace(/([^s])s$/, "$1")} ${listed(main)}`;
  const [first] = call.resources;
  const all = call.resources.filter(({ kind }) => kind === first?.kind).map(({ value }) => value);
  if (all.length === 0) return `${verb} ${noun}`.trim();
  return `${verb} ${noun === "" ? "" : `${noun} on `}${listed(all)}`;
}

const besides: Readonly<Record<string, string>> = {
  "iam:PassRole": "handing it a role",
  "s3:PutObjectAcl": "giving others access to it",
  "s3:PutBucketAcl": "giving others access to it",
  "s3:BypassGovernanceRetention": "lifting its lock",
  "s3:DeleteObjectVersion": "a version for good",
};

function extras({ actions, resources }: AwsCall): string {
  const words = actions.flatMap((action) => (Object.hasOwn(besides, action) ? [besides[action] ?? ""] : []));
  const roles = resources.filter(({ value }) => /:(?:role|instance-profile)\//.test(value)).map(({ value }) => value);
  return [...words, ...(roles.length > 0 ? [listed(roles)] : [])].map((each) => `, ${each}`).join("");
}

function tagsIn({ tags }: AwsCall): string {
  const pairs = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "" : `, tags ${listed(pairs)}`;
}

/** A call in words, on one safe line: `terminate 3 instances i-1, i-2, i-3, in eu-west-1`. */
export function describeCall(call: AwsCall): string {
  const where = call.global ? "" : `, in ${call.region}`;
  const secret = call.secret ? " (a secret)" : "";
  return `${named(call)}${secret}${extras(call)}${tagsIn(call)}${where}`;
}
