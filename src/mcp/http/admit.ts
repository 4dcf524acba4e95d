import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

/** Why a request is turned away; null: it is not. */
export type Refusal = { readonly status: number; readonly text: string } | null;

const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest();

/** Compares hashes, so that neither the time nor a length tells anything of the token. */
export const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

function hostOf(header: string): string | null {
  try {
    const { hostname, username, pathname } = new URL(`http://${header}`);
    return username === "" && pathname === "/" && !/[/?#@\\\s]/.test(header) ? hostname.replace(/^\[|\]$/g, "") : null;
  } catch {
    return null;
  }
}

// A page that had its own name changed to a loopback address sends that name: only addresses and `localhost` are nobody's.
const isNobodysName = (host: string | null): boolean => host !== null && (host === "localhost" || isIP(host) !== 0);

function originHost(origin: string): string | null {
  return /^https?:\/\//.test(origin) ? hostOf(origin.replace(/^https?:\/\//, "")) : null;
}

const isLoopbackName = (host: string | null): boolean =>
  host === "localhost" || host === "::1" || (host !== null && isIP(host) === 4 && host.startsWith("127."));

/**
 * Decides whether a request may speak to the server: by Host and Origin, which a web page cannot choose (DNS rebinding, CVE-2025-49596), and
 * by the token, which nobody else on the machine has.
 */
export function admit(headers: IncomingHttpHeaders, token: string): Refusal {
  const { host, origin, authorization } = headers;
  if (host === undefined || !isNobodysName(hostOf(host)))
    return { status: 403, text: "the Host of a request has to be an address or localhost" };
  if (origin !== undefined && !isLoopbackName(originHost(origin)))
    return { status: 403, text: "requests of web pages from elsewhere are refused" };
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (given === undefined || !isSame(given, token))
    return {
      status: 401,
      text: "a request needs the header Authorization: Bearer with the token that airlock mcp printed",
    };
  return null;
}
