import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../../src/base/secret.js";
import { KeyEnd } from "../../../src/intercept/key-end.js";
import { type HeldKey, putKeys } from "../../../src/intercept/put-key.js";
import { SessionCa } from "../../../src/intercept/session-ca.js";
import { TlsEnd } from "../../../src/intercept/tls-end.js";

const secret = "sk-the-real-secret-of-the-host";
const placeholder = "airlock-placeholder";
const key = (header: string, format: string, has = true): HeldKey => ({
  ...{ header, format, placeholder, from: { env: "SOME_KEY" }, variable: "SOME_KEY" },
  secret: has ? new Secret(secret) : null,
});
const keys = [key("authorization", "Bearer {}"), key("x-api-key", "{}")];

describe("a key in a request", () => {
  it("stands in the place of exactly its placeholder, in exactly its header", () => {
    expect(putKeys(keys, ["Host", "a", "Authorization", `Bearer ${placeholder}`])).toEqual({
      headers: ["Host", "a", "Authorization", `Bearer ${secret}`],
      used: ["authorization"],
    });
    expect(putKeys(keys, ["X-Api-Key", placeholder, "X-Other", placeholder])).toEqual({
      headers: ["X-Api-Key", secret, "X-Other", placeholder],
      used: ["x-api-key"],
    });
  });

  it.each([
    ["another key", ["X-Api-Key", "sk-of-an-attacker"]],
    ["the placeholder and more", ["X-Api-Key", `${placeholder} `]],
    ["another form", ["Authorization", placeholder]],
    ["the header twice", ["X-Api-Key", placeholder, "x-api-key", placeholder]],
    ["a header that no key is for, but that carries credentials", ["X-Goog-Api-Key", placeholder]],
  ])("is refused with %s", (_, headers) => {
    expect(putKeys(keys, headers)).toEqual(expect.any(String));
  });

  it("is refused, with the variable's name, when the host has the secret no more", () => {
    expect(putKeys([key("x-api-key", "{}", false)], ["x-api-key", placeholder])).toContain("SOME_KEY");
  });

  it("is in no answer about any headers, but where its placeholder was", () => {
    const name = fc.constantFrom("x-api-key", "Authorization", "cookie", "x-goog-api-key", "accept");
    const value = fc.constantFrom(placeholder, `Bearer ${placeholder}`, `${placeholder}x`, "{}", "$&", "");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 5 }), (pairs) => {
        const put = putKeys(keys, pairs.flat());
        if (typeof put === "string") {
          expect(put).not.toContain(secret);
          return;
        }
        put.headers.forEach((each, at) => {
          if (at % 2 === 0 || !each.includes(secret)) return;
          const header = put.headers[at - 1] ?? "";
          expect(["x-api-key", "authorization"]).toContain(header.toLowerCase());
          const [, given] = pairs.find(([own]) => own.toLowerCase() === header.toLowerCase()) ?? [];
          expect([placeholder, `Bearer ${placeholder}`]).toContain(given);
        });
      }),
    );
  });
});

interface Heard {
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

describe("the gate's end of a host with keys", () => {
  const folder = mkdtempSync(join(tmpdir(), "airlock-key-"));
  const host = "localhost";
  const heard: Heard[] = [];
  const refused: string[] = [];
  let port = 0;
  let trusted = "";
  let ca: SessionCa;
  const server = createServer();

  beforeAll(async () => {
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const fixed = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=t".split(" ");
    const rest = ["-addext", "subjectAltName=DNS:localhost", "-keyout", keyFile, "-out", certFile];
    execFileSync("openssl", [...fixed, ...rest], { stdio: "ignore" });
    const cert = readFileSync(certFile);
    server.setSecureContext({ key: readFileSync(keyFile), cert });
    server.on("request", (asked, answer) => {
      let body = "";
      asked.on("data", (chunk: Buffer) => (body += chunk.toString()));
      asked.on("end", () => {
        heard.push({ url: asked.url ?? "", headers: asked.headers, body });
        if (asked.url === "/events") {
          answer.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
          server.once("more", () => answer.end("data: 2\n\n"));
        } else if (asked.url === "/away") answer.writeHead(302, { location: "https://elsewhere.example/" }).end();
        else answer.setHeader("X-Own", "kept").end(`heard ${body}`);
      });
    });
    server.on("upgrade", (asked, socket) => {
      heard.push({ url: asked.url ?? "", headers: asked.headers, body: "" });
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Own: kept\r\n\r\nhi",
      );
      socket.on("data", (chunk: Buffer) => socket.end(`said ${chunk.toString()}`));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    ca = await SessionCa.make("test");
    trusted = cert.toString();
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function client(ALPNProtocols: string[], upstreamCa: string | null = trusted): Promise<TLSSocket> {
    const place = { host, port, keys, refused: (why: string) => refused.push(why), used: () => undefined };
    const trust = upstreamCa === null ? {} : { ca: upstreamCa };
    const end = new KeyEnd(place, ["127.0.0.1"], trust);
    const { socket } = await new TlsEnd(ca).begin({
      host,
      opened: (each) => end.accept(each),
      broken: () => undefined,
    });
    const made = connect({ socket, servername: host, ca: ca.certificate, ALPNProtocols });
    made.on("error", () => undefined);
    await once(made, "secureConnect");
    return made;
  }

  /** Everything that comes until the connection or the pattern ends. */
  async function talk(text: string, enough: RegExp, upstreamCa: string | null = trusted): Promise<string> {
    const socket = await client(["http/1.1"], upstreamCa);
    socket.write(text);
    let all = "";
    for await (const chunk of socket) {
      all += String(chunk);
      if (enough.test(all)) break;
    }
    return all;
  }

  const head = (line: string, ...more: string[]): string =>
    [`${line} HTTP/1.1`, `Host: ${host}:${port}`, ...more, "", ""].join("\r\n");

  it("puts the secret in and changes nothing of the answer", async () => {
    const said = await talk(
      `${head("POST /v1", `Authorization: Bearer ${placeholder}`, "Content-Length: 4")}body`,
      /heard body/,
    );
    expect(said).toMatch(/^HTTP\/1.1 200 OK[\s\S]*X-Own: kept/);
    expect(said).not.toContain(secret);
    expect(heard.at(-1)).toMatchObject({ url: "/v1", body: "body", headers: { authorization: `Bearer ${secret}` } });
  });

  it("passes events on one by one, and a redirect as it is", async () => {
    const socket = await client(["http/1.1"]);
    socket.write(head("GET /events", `X-Api-Key: ${placeholder}`));
    let all = "";
    for await (const chunk of socket) {
      all += String(chunk);
      if (all.includes("data: 1") && !all.includes("data: 2")) server.emit("more");
      if (all.includes("data: 2")) break;
    }
    expect(all).toMatch(/data: 1[\s\S]*data: 2/);
    expect(await talk(head("GET /away"), /\r\n\r\n/)).toMatch(/302[\s\S]*elsewhere\.example/);
  });

  it("speaks HTTP/2 with who asks for it", async () => {
    const socket = await client(["h2"]);
    const session = connectHttp2(`https://${host}:${port}`, { createConnection: () => socket });
    const stream = session.request({ ":method": "POST", ":path": "/two", "x-api-key": placeholder });
    stream.end("body");
    let all = "";
    for await (const chunk of stream) all += String(chunk);
    session.close();
    expect(all).toBe("heard body");
    expect(heard.at(-1)).toMatchObject({ url: "/two", body: "body", headers: { "x-api-key": secret } });
  });

  it("passes a WebSocket through, both ways", async () => {
    const wants = ["Connection: Upgrade", "Upgrade: websocket", `Authorization: Bearer ${placeholder}`];
    const socket = await client(["http/1.1"]);
    socket.write(head("GET /socket", ...wants));
    let all = "";
    let asked = false;
    for await (const chunk of socket) {
      all += String(chunk);
      if (!asked && all.endsWith("hi")) {
        asked = true;
        socket.write("ping");
      }
    }
    expect(all).toMatch(/^HTTP\/1.1 101 [\s\S]*X-Own: kept[\s\S]*hisaid ping$/);
    expect(heard.at(-1)?.headers["authorization"]).toBe(`Bearer ${secret}`);
  });

  it.each([
    ["another Host", `GET / HTTP/1.1\r\nHost: other.example\r\nX-Api-Key: ${placeholder}\r\n\r\n`],
    ["two Hosts", `GET / HTTP/1.1\r\nHost: localhost:PORT\r\nHost: other.example\r\nX-Api-Key: ${placeholder}\r\n\r\n`],
    ["another host in its line", `GET https://other.example/ HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n`],
    ["TRACE", `TRACE / HTTP/1.1\r\nHost: localhost:PORT\r\nX-Api-Key: ${placeholder}\r\n\r\n`],
    ["a foreign key", "GET / HTTP/1.1\r\nHost: localhost:PORT\r\nAuthorization: Bearer sk-attacker\r\n\r\n"],
  ])("makes no request with %s", async (_, text) => {
    const before = heard.length;
    expect(await talk(text.replaceAll("PORT", String(port)), /\r\n\r\n/)).toMatch(/^HTTP\/1.1 (403|400) /);
    expect(heard.length).toBe(before);
    expect(refused.join(" ")).not.toContain("sk-attacker");
  });

  it("sends nothing to a server whose certificate is not the host's", async () => {
    const before = heard.length;
    const said = await talk(head("GET /", `X-Api-Key: ${placeholder}`), /\r\n\r\n[\s\S]*\n/, null);
    expect(said).toMatch(/^HTTP\/1.1 502 [\s\S]*self-signed certificate/);
    expect(heard.length).toBe(before);
  });
});
