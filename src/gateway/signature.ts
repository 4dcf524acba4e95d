import { createHash, createHmac } from "node:crypto";
import { canonicalHeaders, canonicalPairs, canonicalPath, joinPairs } from "./canonical.js";

/** What a signature is made for: a day, a region, a service. */
export interface SigningScope {
  /** `20261123`. */
  readonly day: string;
  readonly region: string;
  readonly service: string;
}

export const algorithm = "AWS4-HMAC-SHA256";

export const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
export const emptyHash = sha256("");

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The key that signs within a scope. */
export function signingKey(secret: string, { day, region, service }: SigningScope): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), "aws4_request");
}

export const scopeText = ({ day, region, service }: SigningScope): string => `${day}/${region}/${service}/aws4_request`;

export function signText(key: Buffer, text: string): string {
  return hmac(key, text).toString("hex");
}

/** All that goes into the signature of a request, in canonical form. */
export interface Canonical {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: string;
  readonly signedHeaders: string;
  readonly payload: string;
}

/** The text that is signed for a request. */
export function textToSign(canonical: Canonical, date: string, scope: SigningScope): string {
  const { method, path, query, headers, signedHeaders, payload } = canonical;
  const request = [method, path, query, headers, signedHeaders, payload].join("\n");
  return [algorithm, date, scopeText(scope), sha256(request)].join("\n");
}

/** `20261123T181500Z`. */
export function signatureDate(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Milliseconds since the epoch; NaN for what is no date of a signature. */
export function parseSignatureDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** A request as it shall leave, before it is signed. Path and query in canonical form. */
export interface Unsigned {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Lower-case names; `host` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body's SHA-256, or what stands in its place. */
  readonly payload: string;
}

interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: { reveal(): string };
  readonly sessionToken: { reveal(): string } | null;
}

/** The headers with which a request is signed, all of them covered by the signature. */
export function signedHeaders(
  { method, path, query, headers, payload }: Unsigned,
  keys: SigningKeys,
  { region, service, now }: { readonly region: string; readonly service: string; readonly now: number },
): Record<string, string> {
  const date = signatureDate(now);
  const scope = { day: date.slice(0, 8), region, service };
  const all: Record<string, string> = { ...headers, "x-amz-date": date, "x-amz-content-sha256": payload };
  if (keys.sessionToken !== null) all["x-amz-security-token"] = keys.sessionToken.reveal();
  const names = Object.keys(all).sort();
  const canonical: Canonical = {
    method,
    path: canonicalPath(path, service)?.signed ?? path,
    query: joinPairs(canonicalPairs(query) ?? []),
    headers: canonicalHeaders(all, names) ?? "",
    signedHeaders: names.join(";"),
    payload,
  };
  const key = signingKey(keys.secretAccessKey.reveal(), scope);
  const signature = signText(key, textToSign(canonical, date, scope));
  const credential = `${keys.accessKeyId}/${scopeText(scope)}`;
  all["authorization"] =
    `${algorithm} Credential=${credential}, SignedHeaders=${canonical.signedHeaders}, Signature=${signature}`;
  return all;
}
