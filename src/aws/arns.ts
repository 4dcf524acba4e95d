import type { AwsCall, AwsResource } from "../model/aws.js";
import { partitionOf } from "./hosts.js";
import type { AwsTable } from "./table.js";

const placeholder = /\$\{(\w+)\}/g;

const singular = (kind: string): string => kind.toLowerCase().replace(/s$/, "");

/** The one name that a form of an ARN leaves open beside region and account; null where it leaves several. */
function openName(form: string): string | null {
  const names = [...form.matchAll(placeholder)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "Region" && name !== "Account");
  return names.length === 1 ? (names[0] ?? null) : null;
}

function ofObject(call: AwsCall, partition: string): string | null {
  const value = (kind: string): string | undefined => call.resources.find((each) => each.kind === kind)?.value;
  const [bucket, key] = [value("Bucket"), value("Key")];
  if (bucket === undefined) return null;
  return `arn:${partition}:s3:::${key === undefined ? bucket : `${bucket}/${key}`}`;
}

function ofQueue({ kind, value }: AwsResource, partition: string): string | null {
  const match =
    kind === "QueueUrl" ? /^https?:\/\/(?:sqs\.)?([a-z0-9-]+)[^/]*\/(\d{12})\/([\w.-]+)$/.exec(value) : null;
  return match === null ? null : `arn:${partition}:sqs:${match[1]}:${match[2]}:${match[3]}`;
}

/**
 * What a call names, each as an ARN where one can be made of it: what the journal, the ledger and a suggested policy speak of. Without the
 * account an ARN that needs it is not made.
 */
export function resourceNames(table: AwsTable, call: AwsCall, account: string | null): string[] {
  const partition = partitionOf(call.region) ?? "aws";
  if (call.service === "s3") {
    const others = call.resources.filter(({ kind }) => kind === "CopySource" || kind === "ObjectName");
    const object = others.some(({ kind }) => kind === "ObjectName") ? null : ofObject(call, partition);
    return [...(object === null ? [] : [object]), ...others.map(({ value }) => `arn:${partition}:s3:::${value}`)];
  }
  const service = table.service(call.service);
  const forms = service === undefined ? [] : table.details(service).arns;
  const nameOf = (resource: AwsResource): string => {
    if (resource.value.startsWith("arn:")) return resource.value;
    const queue = ofQueue(resource, partition);
    if (queue !== null) return queue;
    const form = forms.find((each) => openName(each)?.toLowerCase() === singular(resource.kind));
    if (form === undefined || (account === null && /\$\{Account\}/.test(form))) return resource.value;
    const known: Readonly<Record<string, string>> = { Region: call.region, Account: account ?? "" };
    return `arn:${partition}:${form.replace(placeholder, (_, name: string) => known[name] ?? resource.value)}`;
  };
  return [...new Set(call.resources.map(nameOf))];
}
