const plain = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-md5",
  "content-type",
  "expires",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "smithy-protocol",
  "user-agent",
]);

// Made anew when the request is signed again, or no business of a client's.
const ours = new Set([
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-security-token",
  "x-amz-region-set",
  "x-amz-s3session-token",
]);

/**
 * The headers of a request that AWS shall see: by list. What a server could read as another request (`X-HTTP-Method-Override`), what is
 * from hop to hop, and who signed are not on it.
 */
export function forwardedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const isAws = name.startsWith("x-amz-") || name.startsWith("x-amzn-") || name.startsWith("amz-sdk-");
    if (plain.has(name) || (isAws && !ours.has(name))) kept[name] = value;
  }
  return kept;
}

const fromHopToHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The headers of an answer that the client shall see. */
export function answerHeaders(raw: readonly string[]): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    const value = raw[at + 1] ?? "";
    if (fromHopToHop.has(name) || name.startsWith(":") || name === "__proto__") continue;
    const before = kept[name];
    kept[name] = before === undefined ? value : [before, value].flat();
  }
  return kept;
}
