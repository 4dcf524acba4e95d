import type { Secret } from "../base/secret.js";
import type { GateKey } from "../model/key.js";

/** A key with its secret; null: the host has none now. */
export interface HeldKey extends Omit<GateKey, "host"> {
  readonly secret: Secret | null;
}

/** The headers of a request as they leave, or why it does not. */
export type Put = { readonly headers: readonly string[]; readonly used: readonly string[] } | string;

// Where the services that keys are for read them. With another key in one of these, a program inside could carry data into an account of
// its own at a host that is allowed.
const credentialHeaders = new Set(["authorization", "x-api-key", "api-key", "x-goog-api-key", "proxy-authorization"]);

// From hop to hop: the gate's own connections have theirs.
const dropped = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const fill = (format: string, value: string): string => format.replace("{}", () => value);

/**
 * Replaces placeholders: where one of the keys' headers holds exactly what that key says, and nowhere else. Anything else in a header that
 * carries credentials is refused. Takes and gives names and values in turn, as Node has them.
 */
export function putKeys(keys: readonly HeldKey[], raw: readonly string[]): Put {
  const headers: string[] = [];
  const used: string[] = [];
  const seen = new Set<string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [given = "", value = ""] = raw.slice(at, at + 2);
    const name = given.toLowerCase();
    if (dropped.has(name) || name.startsWith(":")) continue;
    const own = keys.filter(({ header }) => header === name);
    if (own.length === 0 && !credentialHeaders.has(name)) {
      headers.push(given, value);
      continue;
    }
    if (seen.has(name)) return `the header ${name} is there twice`;
    seen.add(name);
    const key = own.find(({ format, placeholder }) => fill(format, placeholder) === value);
    if (key === undefined) return `the header ${name} holds something else than this session's placeholder`;
    if (key.secret === null) return `the host has no ${key.from.env} any more`;
    headers.push(given, fill(key.format, key.secret.reveal()));
    used.push(name);
  }
  return { headers, used };
}
