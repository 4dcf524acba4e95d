import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { AirlockError } from "../../../src/base/errors.js";
import { admitPage } from "../../../src/cli/web/admit-page.js";
import { serveWeb, type WebService } from "../../../src/cli/web/serve-web.js";

const token = "t".repeat(64);
const port = 7777;
const host = `127.0.0.1:${port}`;
const origin = `http://${host}`;
const authorization = `Bearer ${token}`;
const json = { "content-type": "application/json" };

const statusOf = (method: string, url: string, headers: Record<string, string>): number | null =>
  admitPage({ method, url, headers }, { token, port })?.status ?? null;

describe("who may speak to the page's server", () => {
  it.each([
    [host, null],
    [`localhost:${port}`, null],
    ["127.0.0.1", 403],
    ["127.0.0.1:7778", 403],
    [`evil.example:${port}`, 403],
    [`localhost.evil.example:${port}`, 403],
    [`127.0.0.1.evil.example:${port}`, 403],
    [`evil@127.0.0.1:${port}`, 403],
    [`[::1]:${port}`, 403],
    ["", 403],
  ])("Host %j: %j", (name, status) => {
    expect(statusOf("GET", "/api/state", { host: name, authorization })).toBe(status);
    // Not even the page itself, which holds no secret, is given to a name that is not this server's.
    expect(statusOf("GET", "/", { host: name })).toBe(status);
  });

  it.each([
    [origin, null],
    [`http://localhost:${port}`, null],
    [`https://${host}`, 403],
    ["http://127.0.0.1:7778", 403],
    ["http://evil.example", 403],
    ["null", 403],
    ["", 403],
  ])("Origin %j: %j", (from, status) => {
    const headers = { host, authorization, origin: from };
    expect(statusOf("GET", "/api/state", headers)).toBe(status);
    expect(statusOf("POST", "/api/plan", { ...headers, ...json })).toBe(status);
  });

  it.each([
    [undefined],
    [""],
    ["Bearer "],
    [`Bearer ${token.slice(1)}`],
    [`Bearer ${token}0`],
    [`Basic ${token}`],
    [token],
  ])("Authorization %j is refused", (given) => {
    const headers = { host, origin, ...json, ...(given === undefined ? {} : { authorization: given }) };
    expect(statusOf("GET", "/api/look", headers)).toBe(401);
    expect(statusOf("POST", "/api/apply", headers)).toBe(401);
  });

  it("gives a frame without an origin what the player is made of, and nothing of a session", () => {
    const framed = { host, authorization, origin: "null", "sec-fetch-site": "cross-site" };
    expect([statusOf("GET", "/player.js", framed), statusOf("GET", "/player.css", framed)]).toEqual([null, null]);
    for (const path of ["/", "/review.js", "/player.js?x", "/api/state", "/api/recording?number=1"])
      expect(statusOf("GET", path, framed)).toBe(403);
    expect(statusOf("POST", "/player.js", { ...framed, ...json })).toBe(403);
    expect(statusOf("GET", "/player.js", { ...framed, host: "evil.example" })).toBe(403);
  });

  it("takes the token from the header alone: not from a cookie, not from the address", () => {
    expect(statusOf("GET", "/api/look", { host, cookie: `token=${token}` })).toBe(401);
    expect(statusOf("GET", `/api/look?token=${token}`, { host })).toBe(401);
  });

  it("refuses other methods, a POST without an Origin, other bodies, and requests across sites", () => {
    for (const method of ["PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
      expect(statusOf(method, "/api/look", { host, authorization })).toBe(405);
    expect(statusOf("POST", "/api/apply", { host, authorization, ...json })).toBe(403);
    expect(statusOf("POST", "/api/apply", { host, authorization, origin, "content-type": "text/plain" })).toBe(415);
    expect(statusOf("POST", "/", { host, origin, ...json })).toBe(405);
    for (const site of ["cross-site", "same-site", "none"])
      expect(statusOf("GET", "/api/look", { host, authorization, "sec-fetch-site": site })).toBe(403);
    expect(statusOf("GET", "/api/look", { host, authorization, "sec-fetch-site": "same-origin" })).toBeNull();
  });
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

type Ask = (
  method: string,
  path: string,
  more?: { headers?: Record<string, string>; body?: string },
) => Promise<Answer>;

/** A server over a review that only remembers what it was asked for. */
async function withServer(review: Partial<WebService["review"]>, work: (ask: Ask) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  let listening: (url: string) => void = () => undefined;
  const url = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const served = serveWeb({
    review: review as WebService["review"],
    files: { html: "<!doctype html>", css: "body {}", js: "0", player: { html: "<p>", css: "p {}", js: "1" } },
    port: 0,
    token,
    signal: stop.signal,
    onProblem: () => undefined,
    onListening: listening,
  });
  const { origin: base, host: own, port: taken } = new URL(await url);
  const ask: Ask = (method, path, { headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const sent = { host: own, authorization, ...(method === "POST" ? { origin: base, ...json } : {}), ...headers };
      // As it is written: a URL would take the dots out.
      const message = request({ host: "127.0.0.1", port: taken, method, path, headers: sent }, (response) => {
        let text = "";
        response.on("data", (part: Buffer) => (text += part.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      message.on("error", reject);
      message.end(body);
    });
  try {
    expect(await url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:\\d+/#${token}$`));
    await work(ask);
  } finally {
    stop.abort();
    await served;
  }
}

describe("the page's server", () => {
  it("lets a page run its own script and load nothing else, whatever it answers", async () => {
    await withServer({}, async (ask) => {
      for (const path of ["/", "/review.js", "/review.css", "/api/none", "/nothing"]) {
        const { headers } = await ask("GET", path);
        const policy = String(headers["content-security-policy"]);
        expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).toContain("require-trusted-types-for 'script'");
        expect(policy).not.toMatch(/unsafe|\*|https?:/);
        expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
        expect(headers["set-cookie"]).toBeUndefined();
        expect(headers["access-control-allow-origin"]).toBeUndefined();
      }
    });
  });

  it.each([
    "/../package.json",
    "/review.js/../../airlock.cjs",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/review.html",
    "/review.js%00.png",
    "/api/../review.js",
    "/API/look",
    "/api/image?look=1&at=0&side=..%2f..%2fetc%2fpasswd",
    "/api/doc?look=1&at=-1",
    "/api/doc?look=1&at=1e9",
    "/api/doc?look=1&at=0&path=/etc/passwd",
  ])("knows three files and some numbers, and no path: %s", async (path) => {
    await withServer({}, async (ask) => {
      const { status, body } = await ask("GET", path);
      expect([400, 404]).toContain(status);
      expect(body).not.toContain("root:");
    });
  });

  it("reads no body that is too large, no JSON or not what it expects", async () => {
    const seen: unknown[] = [];
    const note = (...given: unknown[]) => {
      seen.push(given);
      return Promise.resolve();
    };
    await withServer({ note }, async (ask) => {
      const post = (body: string, headers: Record<string, string> = {}) => ask("POST", "/api/note", { body, headers });
      expect((await post("", { "content-length": `${33 * 1024 * 1024}` })).status).toBe(413);
      expect((await post("{")).status).toBe(400);
      expect((await post('{"look":1,"at":0,"text":"a","at":1}')).status).toBe(400);
      expect((await post('{"look":1,"at":0,"text":"a","more":1}')).status).toBe(400);
      expect((await post('{"look":1,"at":-1,"text":"a"}')).status).toBe(400);
      expect((await post(JSON.stringify({ look: 1, at: 0, text: "x".repeat(501) }))).status).toBe(400);
      expect(seen).toEqual([]);
      expect((await post('{"look":1,"at":0,"text":"a"}')).status).toBe(200);
      expect(seen).toEqual([[1, 0, "a"]]);
    });
  });

  it("tells a failure escaped, with what to do", async () => {
    const state = () => Promise.reject(new AirlockError("E_APPLY_CONFLICT", "a\u202eb", { hint: "look\u0007" }));
    await withServer({ state }, async (ask) => {
      const { status, body } = await ask("GET", "/api/state");
      expect(status).toBe(409);
      expect(JSON.parse(body)).toEqual({ code: "E_APPLY_CONFLICT", message: "a\\u{202e}b", hint: "look\\x07" });
    });
  });

  it("gives a picture the type that its bytes have", async () => {
    const image = () => Promise.resolve({ type: "image/png", bytes: Buffer.from("89504e47", "hex") });
    await withServer({ image }, async (ask) => {
      const { headers } = await ask("GET", "/api/image?look=1&at=0&side=after");
      expect(headers).toMatchObject({ "content-type": "image/png", "x-content-type-options": "nosniff" });
    });
  });
});
