import type { ErrorMessage } from "../src/cli/web/messages.js";

// The address holds the token behind the #, which is sent to nobody; from here on it is in this tab only, not in its history.
const key = "airlock-token";
const given = location.hash.slice(1);
if (given !== "") {
  sessionStorage.setItem(key, given);
  history.replaceState(null, "", location.pathname);
}
// Another address of this server, put into the same tab, is no new page to the browser.
addEventListener("hashchange", () => location.reload());
const token = sessionStorage.getItem(key) ?? "";

/** What the server said no to, and why. */
export class Refused extends Error {}

async function ask(path: string, body?: unknown): Promise<Response> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`/api/${path}`, { ...init, headers, credentials: "omit", redirect: "error" });
  if (response.ok) return response;
  const { message, hint }: ErrorMessage = await response.json();
  throw new Refused(hint === null ? message : `${message} (${hint})`);
}

/** Asks the server, whose answers have the shape of src/cli/web/messages.ts. */
export async function fetchJson<T>(path: string, body?: unknown): Promise<T> {
  return (await (await ask(path, body)).json()) as T;
}

export async function fetchBlob(path: string): Promise<Blob> {
  return await (await ask(path)).blob();
}
