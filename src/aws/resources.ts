import type { AwsResource } from "../model/aws.js";
import { decodeCbor } from "./cbor-read.js";
import type { Hints, Pairs } from "./hints.js";

const resourcesAtMost = 50;
const valueAtMost = 1_024;
const depthAtMost = 3;
const membersAtMost = 2_000;

const naming = /(?:Arn|Id|Name|Identifier|Url|Bucket|Key|ARN|ID|URL)s?$/;
const notNaming = /(?:Token|RequestId|AccessKeyId|TagKey|TagKeys)$/;

const isNaming = (name: string): boolean => naming.test(name) && !notNaming.test(name);

/** A text that is to be found, with the name that it stands under. */
export interface Named {
  readonly name: string;
  readonly value: string;
  /** The names around it: `IamInstanceProfile.Name`. */
  readonly path: string;
}

/** What the parameters of a request hold, whatever their form. */
export interface Parameters {
  readonly texts: readonly Named[];
  readonly tags: Readonly<Record<string, string>>;
}

// `TagSpecification.1.Tag.2.Key`, `Tags.member.1.Value`
function tagsOfPairs(pairs: Pairs): Record<string, string> {
  const keys = new Map<string, string>();
  const values = new Map<string, string>();
  for (const [name, value] of pairs) {
    const match = /^(?:.*\.)?Tags?(?:\.member|\.Tag)?\.(\d+)\.(Key|TagKey|Value|TagValue)$/.exec(name);
    if (match !== null) (match[2]?.endsWith("Key") ? keys : values).set(name.slice(0, name.lastIndexOf(".")), value);
  }
  return Object.fromEntries([...keys].map(([path, key]) => [key, values.get(path) ?? ""]));
}

/** The parameters of a form: `InstanceId.1` is an `InstanceId`. */
export function fromPairs(pairs: Pairs): Parameters {
  const texts = pairs.map(([name, value]) => ({
    name: name.split(".").findLast((each) => !/^(?:\d+|member|entry|item)$/.test(each)) ?? name,
    value,
    path: name,
  }));
  return { texts, tags: tagsOfPairs(pairs) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function tagsOf(value: unknown): Record<string, string> {
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, each]) => (typeof each === "string" ? [[key, each]] : [])),
    );
  }
  if (!Array.isArray(value)) return {};
  return Object.fromEntries(
    value.flatMap((each: unknown): [string, string][] => {
      if (!isRecord(each)) return [];
      const key = each["Key"] ?? each["key"] ?? each["TagKey"];
      const text = each["Value"] ?? each["value"] ?? each["TagValue"] ?? "";
      return typeof key === "string" && typeof text === "string" ? [[key, text]] : [];
    }),
  );
}

/** The parameters of a body in JSON; none where it is not. */
export const fromJson = (body: Uint8Array | null): Parameters => fromValue(parse(body));

/** The parameters of a body in CBOR; none where it is not. */
export const fromCbor = (body: Uint8Array | null): Parameters => fromValue(body === null ? null : decodeCbor(body));

function fromValue(root: unknown): Parameters {
  const texts: Named[] = [];
  let tags: Record<string, string> = {};
  let left = membersAtMost;
  const visit = (name: string, value: unknown, depth: number, path: string): void => {
    left -= 1;
    if (left < 0 || depth > depthAtMost) return;
    if (typeof value === "string") texts.push({ name, value, path });
    else if (Array.isArray(value)) for (const each of value) visit(name, each, depth + 1, path);
    else if (isRecord(value)) {
      for (const [key, each] of Object.entries(value)) {
        if (/^(?:tags?|TagList)$/i.test(key)) tags = { ...tags, ...tagsOf(each) };
        else visit(key, each, depth + 1, `${path}.${key}`);
      }
      // DynamoDB names tables by the keys of an object.
      if (name === "RequestItems")
        for (const key of Object.keys(value)) texts.push({ name: "TableName", value: key, path });
    }
  };
  if (root !== null) visit("", root, 0, "");
  return { texts, tags };
}

function parse(body: Uint8Array | null): unknown {
  if (body === null || body.length === 0) return null;
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8"));
  } catch {
    return null;
  }
}

function unique(resources: readonly AwsResource[]): AwsResource[] {
  const seen = new Map(resources.map((each) => [`${each.kind}\0${each.value}`, each]));
  return [...seen.values()].slice(0, resourcesAtMost);
}

/** What a request names: labels of its path first, then what its parameters hold under a name that is one of a thing. */
export function resourcesOf(labels: Readonly<Record<string, string>>, { texts }: Parameters): AwsResource[] {
  const found = [
    ...Object.entries(labels).map(([kind, value]) => ({ kind, value })),
    ...texts.flatMap(({ name, value }) =>
      value !== "" && (isNaming(name) || value.startsWith("arn:")) ? [{ kind: name, value }] : [],
    ),
  ];
  return unique(found.filter(({ value }) => value.length <= valueAtMost));
}

const accountIn = /^arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:(\d{12}):/;
const accountOfQueue = /^https?:\/\/[^/]+\/(\d{12})\//;

/** The accounts that a request names. */
export function accountsOf({ request }: Hints, { texts }: Parameters, resources: readonly AwsResource[]): string[] {
  const values = [...resources, ...texts].map(({ value }) => value);
  const named = values.flatMap((value) => accountIn.exec(value)?.[1] ?? accountOfQueue.exec(value)?.[1] ?? []);
  const header = request.headers["x-amz-account-id"];
  return [...new Set([...named, ...(header !== undefined && /^\d{12}$/.test(header) ? [header] : [])])];
}

const roleArn = /^arn:aws[a-z-]*:iam::\d{12}:(?:role|instance-profile)\//;
const roleName = /(?:Role|RoleArn|RoleName)$|InstanceProfile/i;

/** Whether a call hands a role to a service, which will then act with it. Some take a role's ARN, some its name. */
export function passesRole({ texts }: Parameters): boolean {
  return texts.some(({ path, value }) => value !== "" && (roleArn.test(value) || roleName.test(path)));
}
