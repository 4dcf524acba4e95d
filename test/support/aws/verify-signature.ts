import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** A request as it arrived: the target undecoded, the names of the headers in lower case. */
export interface SignedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface KnownKey {
  readonly secret: string;
  readonly token: string | null;
  /** Milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
}

/** Who signed, and for what; or the code of the refusal. */
export type Verdict =
  | { readonly ok: true; readonly accessKeyId: string; readonly region: string; readonly service: string }
  | { readonly ok: false; readonly code: string; readonly service: string };

interface Claim {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly date: string;
  readonly token: string | null;
  readonly isPresigned: boolean;
}

const maxSkewMs = 15 * 60_000;

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const strictEncode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);

const text = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(",") : value;

function readClaim({ headers }: SignedRequest, query: ReadonlyMap<string, string>): Claim | null {
  const authorization = text(headers["authorization"]);
  if (authorization !== undefined) {
    const match = /^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
    if (match === null) return null;
    const [, credential = "", signedHeaders = "", signature = ""] = match;
    const date = text(headers["x-amz-date"]) ?? "";
    const token = text(headers["x-amz-security-token"]) ?? null;
    return { credential, signedHeaders, signature, date, token, isPresigned: false };
  }
  const wanted = ["Credential", "SignedHeaders", "Signature", "Date"].map((name) => query.get(`X-Amz-${name}`));
  const [credential, signedHeaders, signature, date] = wanted;
  if (credential === undefined || signedHeaders === undefined || signature === undefined || date === undefined)
    return null;
  return {
    ...{ credential, signedHeaders, signature, date, isPresigned: true },
    token: query.get("X-Amz-Security-Token") ?? null,
  };
}

const parseQuery = (query: string): [string, string][] =>
  query
    .split("&")
    .filter((each) => each !== "")
    .map((each) => {
      const at = each.indexOf("=");
      const [name, value] = at < 0 ? [each, ""] : [each.slice(0, at), each.slice(at + 1)];
      return [decodeURIComponent(name), decodeURIComponent(value)];
    });

// S3 signs the path as it is; everybody else encodes once more what was sent.
function canonicalPath(path: string, service: string): string {
  if (service === "s3")
    return path
      .split("/")
      .map((part) => strictEncode(decodeURIComponent(part)))
      .join("/");
  return path.split("/").map(strictEncode).join("/");
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : a > b ? 1 : 0);

function canonicalQuery(query: readonly [string, string][]): string {
  return query
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]): [string, string] => [strictEncode(name), strictEncode(value)])
    .sort((a, b) => byName(a, b) || (a[1] < b[1] ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function canonicalHeaders(request: SignedRequest, names: readonly string[]): string | null {
  const lines = names.map((name) => {
    const value = text(request.headers[name]) ?? (name === "host" ? text(request.headers[":authority"]) : undefined);
    return value === undefined ? null : `${name}:${value.trim().replace(/ +/g, " ")}\n`;
  });
  return lines.includes(null) ? null : lines.join("");
}

function parseDate(date: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (match === null) return Number.NaN;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function bodyHash({ headers, body }: SignedRequest, claim: Claim): string | null {
  const said = text(headers["x-amz-content-sha256"]);
  if (said === undefined) return claim.isPresigned ? "UNSIGNED-PAYLOAD" : sha256(body);
  if (said === "UNSIGNED-PAYLOAD" || said === "STREAMING-UNSIGNED-PAYLOAD-TRAILER") return said;
  // What is signed chunk by chunk is nothing that this server reads.
  if (said.startsWith("STREAMING-")) return null;
  return said === sha256(body) ? said : null;
}

function signingKey(secret: string, [date = "", region = "", service = ""]: readonly string[]): Buffer {
  return ["aws4_request"].reduce(hmac, hmac(hmac(hmac(`AWS4${secret}`, date), region), service));
}

/** AWS's signature, version 4, checked as its documentation says, by nobody's library. */
export function verifySignature(
  request: SignedRequest,
  keyOf: (accessKeyId: string) => KnownKey | undefined,
  now: number,
): Verdict {
  const [path = "", rawQuery = ""] = request.target.split(/\?(.*)/s);
  const query = parseQuery(rawQuery);
  const claim = readClaim(request, new Map(query));
  if (claim === null) return { ok: false, code: "MissingAuthenticationToken", service: "" };
  const [accessKeyId = "", ...scope] = claim.credential.split("/");
  const [, region = "", service = "", terminator] = scope;
  const refuse = (code: string): Verdict => ({ ok: false, code, service });
  const key = keyOf(accessKeyId);
  if (key === undefined || scope.length !== 4 || terminator !== "aws4_request") return refuse("InvalidClientTokenId");
  if (claim.token !== key.token) return refuse("InvalidClientTokenId");
  if (key.expiresAt !== null && key.expiresAt <= now) return refuse("ExpiredToken");
  const signedAt = parseDate(claim.date);
  const lifeMs = claim.isPresigned ? Number(new Map(query).get("X-Amz-Expires")) * 1000 : maxSkewMs;
  if (!(Math.abs(now - signedAt) <= Math.max(maxSkewMs, lifeMs)) || !claim.date.startsWith(scope[0] ?? "-"))
    return refuse("RequestExpired");
  const names = claim.signedHeaders.split(";");
  const headers = canonicalHeaders(request, names);
  const hash = bodyHash(request, claim);
  if (headers === null || hash === null || !(names.includes("host") || names.includes(":authority")))
    return refuse("SignatureDoesNotMatch");
  const canonical = [
    ...[request.method, canonicalPath(path, service), canonicalQuery(query), headers, claim.signedHeaders, hash],
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", claim.date, scope.join("/"), sha256(canonical)].join("\n");
  const right = hmac(signingKey(key.secret, scope), toSign);
  if (!timingSafeEqual(right, Buffer.from(claim.signature, "hex"))) return refuse("SignatureDoesNotMatch");
  return { ok: true, accessKeyId, region, service };
}
