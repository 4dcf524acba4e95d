import type { AwsLevel } from "../model/aws.js";
import { decodeOnce, type Hints, Refusal } from "./hints.js";
import type { Named } from "./resources.js";
import type { AwsOperation, ServiceDetails } from "./table.js";

/** Something that a request does beside its operation. */
export interface Extra {
  readonly action: string;
  readonly level: AwsLevel;
}

const isHeaderInQuery = (name: string): boolean => name.toLowerCase().startsWith("x-amz-");

/** A header, or what a presigned URL carries in the place of one. */
export function headerOf({ request, query }: Hints, name: string): string | undefined {
  return request.headers[name] ?? query.find(([each]) => each.toLowerCase() === name)?.[1];
}

/**
 * S3 takes a name in the query for another operation, so a name that the table does not know could be one that it does not
 * know either. Returns the names that say which operation it is.
 */
export function subResources({ query }: Hints, { routes, queries }: ServiceDetails): ReadonlySet<string> {
  const names = query.map(([name]) => name);
  const odd = names.find(
    (name) => !routes.literals.has(name) && !queries.has(name) && !isHeaderInQuery(name) && name !== "x-id",
  );
  if (odd !== undefined) throw new Refusal(`S3 has no parameter "${odd.slice(0, 60)}" that Airlock knows`);
  if (new Set(names).size !== names.length) throw new Refusal("the query names a parameter twice");
  return new Set(names.filter((name) => name !== "x-id" && routes.literals.has(name)));
}

function accessControl(hints: Hints, action: string): Extra[] {
  const acl = headerOf(hints, "x-amz-acl");
  const names = [...Object.keys(hints.request.headers), ...hints.query.map(([name]) => name.toLowerCase())];
  const grants = names.some((name) => name.startsWith("x-amz-grant-"));
  return grants || (acl !== undefined && acl !== "private") ? [{ action, level: "permissions" }] : [];
}

const writesObject = new Set(["PutObject", "CopyObject", "CreateMultipartUpload"]);

/** What the headers of a call ask for beside its operation: access for others, a version, a lock that is lifted. */
export function extrasOf(operation: AwsOperation, hints: Hints): Extra[] {
  const { name } = operation;
  const has = (query: string): boolean => hints.query.some(([each]) => each === query);
  const body = hints.request.body;
  const namesVersion =
    has("versionId") ||
    (name === "DeleteObjects" && (body === null || /<VersionId/i.test(Buffer.from(body).toString("latin1"))));
  const extras: Extra[] = [];
  if (writesObject.has(name)) {
    extras.push(...accessControl(hints, "s3:PutObjectAcl"));
    if (headerOf(hints, "x-amz-tagging") !== undefined)
      extras.push({ action: "s3:PutObjectTagging", level: "tagging" });
  }
  if (name === "CreateBucket") extras.push(...accessControl(hints, "s3:PutBucketAcl"));
  if (name.startsWith("DeleteObject") && !name.endsWith("Tagging") && namesVersion)
    extras.push({ action: "s3:DeleteObjectVersion", level: "write" });
  if (name === "GetObject" && namesVersion) extras.push({ action: "s3:GetObjectVersion", level: "read" });
  if (headerOf(hints, "x-amz-bypass-governance-retention") !== undefined)
    extras.push({ action: "s3:BypassGovernanceRetention", level: "permissions" });
  return extras;
}

/** An own host for a bucket puts the bucket in front of the path, as it stands in the other form. */
export function bucketPath(bucket: string, parts: readonly string[]): string[] {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw new Refusal("the host names no bucket");
  return [bucket, ...parts];
}

/** The object that a copy is made of: `bucket/key`, decoded. */
export function copySource({ service }: AwsOperation, hints: Hints): Record<string, string> {
  const source = service.name === "s3" ? headerOf(hints, "x-amz-copy-source") : undefined;
  if (source === undefined) return {};
  const [path = ""] = source.replace(/^\//, "").split("?");
  return { CopySource: decodeOnce(path, "x-amz-copy-source") };
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** What a deletion of several objects names in its body, for the question and the ledger. */
export function deletedObjects({ service, name }: AwsOperation, bucket: string, body: Uint8Array | null): Named[] {
  if (service.name !== "s3" || name !== "DeleteObjects" || body === null) return [];
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
  return [...text.matchAll(/<Key>([^<]{1,4096})<\/Key>/g)].map(([, key = ""]) => {
    const value = `${bucket}/${key.replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => entities[entity] ?? "")}`;
    return { name: "ObjectName", value, path: "ObjectName" };
  });
}
