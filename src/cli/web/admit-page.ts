import type { IncomingMessage } from "node:http";
import { isSame, type Refusal } from "../../mcp/http/admit.js";

const refuse = (status: number, text: string): Refusal => ({ status, text });

/** The two names that the server is reached by, and no other: a page that had its own name point to this machine sends that name. */
const hostsOf = (port: number): readonly string[] => [`127.0.0.1:${port}`, `localhost:${port}`];

/** What the player's frame loads: it has no origin, and these are the same for everybody. */
const ofFrame: ReadonlySet<string> = new Set(["/player.css", "/player.js"]);

/**
 * Decides whether a request may speak to the server, by what a page from elsewhere cannot choose: Host (DNS rebinding), Origin and
 * Sec-Fetch-Site (requests across sites); what is of the session needs the token, too, in a header: a cookie would go to every server of this
 * machine, whatever its port.
 */
export function admitPage(
  { method = "", url = "", headers }: Pick<IncomingMessage, "method" | "url" | "headers">,
  { token, port }: { readonly token: string; readonly port: number },
): Refusal {
  const hosts = hostsOf(port);
  if (!hosts.includes(headers.host ?? "")) return refuse(403, "the Host of a request has to be this server");
  if (method !== "GET" && method !== "POST") return refuse(405, "only GET and POST");
  const { origin } = headers;
  if (method === "GET" && origin === "null" && ofFrame.has(url)) return null;
  if (origin === undefined ? method === "POST" : !hosts.some((host) => origin === `http://${host}`))
    return refuse(403, "requests of other pages are refused");
  // Of the page itself nothing is taken: who has no token has no body read.
  if (!url.startsWith("/api/")) return method === "GET" ? null : refuse(405, "only GET");
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return refuse(403, "requests of other pages are refused");
  const given = /^Bearer ([\x21-\x7e]+)$/.exec(headers.authorization ?? "")?.[1];
  if (given === undefined || !isSame(given, token)) return refuse(401, "open the address that airlock review printed");
  if (method === "POST" && headers["content-type"] !== "application/json") return refuse(415, "a body has to be JSON");
  return null;
}
