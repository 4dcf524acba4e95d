import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientOptions, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import { admit } from "../../../src/mcp/http/admit.js";
import { serveHttp } from "../../../src/mcp/http/serve-http.js";
import { listedTools } from "../../../src/mcp/tool-list.js";
import { PaperDesk } from "../../support/paper-desk.js";

const token = "0123456789abcdef0123456789abcdef";
const authorization = `Bearer ${token}`;

class PaperPort implements AsyncDisposable {
  readonly desk = new PaperDesk();
  readonly problems: string[] = [];
  readonly #stop = new AbortController();
  #served: Promise<void> = Promise.resolve();
  url = "";

  async open(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#served = serveHttp({
        parts: { desk: this.desk, version: "0.0.0", elicitation: true },
        address: { host: "127.0.0.1", port: 0 },
        token,
        signal: this.#stop.signal,
        onProblem: (text) => this.problems.push(text),
        onListening: (url) => {
          this.url = url;
          resolve();
        },
      });
      this.#served.catch(reject);
    });
    return this;
  }

  async client(era: "legacy" | "modern", options: ClientOptions = {}): Promise<Client> {
    const mode = era === "modern" ? ({ pin: "2026-07-28" } as const) : "legacy";
    return new Client({ name: "web", version: "1" }, { ...options, versionNegotiation: { mode } });
  }

  transport(): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(new URL(this.url), { requestInit: { headers: { authorization } } });
  }

  /** One request with exactly these headers. */
  async raw(
    headers: Record<string, string>,
    body = "{}",
    method = "POST",
    path = "",
  ): Promise<{ status: number; text: string }> {
    const { hostname, port, pathname } = new URL(this.url);
    const usual = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        { hostname, port, path: path === "" ? pathname : path, method, headers: { ...usual, ...headers } },
        (answer) => {
          let text = "";
          answer.on("data", (piece: Buffer) => (text += piece.toString()));
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
          answer.on("error", reject);
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#served;
  }
}

describe.each(["legacy", "modern"] as const)("over HTTP (%s)", (era) => {
  test("lists and calls", async () => {
    await using port = await new PaperPort().open();
    const client = await port.client(era);
    await client.connect(port.transport());
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(listedTools);
    const result = await client.callTool({ name: "shell", arguments: { command: "hello" } });
    expect(result.structuredContent).toMatchObject({ stdout: "hello\n" });
    expect(port.desk.calls[0]?.caller).toBe("mcp:web");
    await client.close();
  });

  test("asks the client's person and tells how a call goes on", async () => {
    await using port = await new PaperPort().open();
    const client = await port.client(era, { capabilities: { elicitation: {} } });
    client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { answer: "yes, once" } }));
    await client.connect(port.transport());
    const told: unknown[] = [];
    await client.callTool(
      { name: "shell", arguments: { command: "print" } },
      { onprogress: (step) => told.push(step) },
    );
    expect(told).toHaveLength(1);
    const result = await client.callTool({ name: "shell", arguments: { command: "ask" } });
    expect(result.structuredContent).toMatchObject({ stdout: "once null" });
    expect(port.desk.calls).toHaveLength(2);
    await client.close();
  });

  test("cancels what its client cancels, and what a client that goes leaves behind", async () => {
    await using port = await new PaperPort().open();
    for (const leave of [false, true]) {
      const client = await port.client(era);
      await client.connect(port.transport());
      const stop = new AbortController();
      const before = port.desk.ended.length;
      const calls = port.desk.calls.length;
      const call = client.callTool({ name: "shell", arguments: { command: "wait" } }, { signal: stop.signal });
      call.catch(() => undefined);
      while (port.desk.calls.length === calls) await sleep(5);
      if (leave) await client.close();
      else stop.abort();
      while (port.desk.ended.length === before) await sleep(5);
      expect(port.desk.ended.at(-1)).toEqual({ command: "wait", aborted: true });
      await client.close();
    }
  });
});

describe("who may speak to the server", () => {
  const host = "127.0.0.1:7777";

  test.each([
    ["127.0.0.1:7777", null],
    ["localhost:7777", null],
    ["[::1]:7777", null],
    ["127.0.0.1", null],
    ["evil.example:7777", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost@evil.example", 403],
    ["evil.example#localhost", 403],
    ["", 403],
  ])("Host %j: %j", (name, status) => {
    expect(admit({ host: name, authorization }, token)?.status ?? null).toBe(status);
  });

  test.each([
    ["http://localhost:5173", null],
    ["http://127.0.0.1", null],
    ["https://[::1]:1", null],
    ["http://evil.example", 403],
    ["http://localhost.evil.example", 403],
    ["null", 403],
    ["", 403],
    ["file://", 403],
    ["http://10.0.0.1", 403],
  ])("Origin %j: %j", (origin, status) => {
    expect(admit({ host, origin, authorization }, token)?.status ?? null).toBe(status);
  });

  test.each([
    [undefined],
    [""],
    ["Bearer"],
    ["Bearer "],
    [`Bearer ${token.slice(1)}`],
    [`Bearer ${token}0`],
    [`Bearer ${token.toUpperCase()}`],
    [`Basic ${token}`],
    [token],
    [`Bearer ${token} extra`],
  ])("Authorization %j is refused", (given) => {
    const refusal = admit({ host, ...(given === undefined ? {} : { authorization: given }) }, token);
    expect(refusal?.status).toBe(401);
    expect(JSON.stringify(refusal)).not.toContain(token);
  });

  test("the server asks all of them before it reads anything", async () => {
    await using port = await new PaperPort().open();
    expect((await port.raw({})).status).toBe(401);
    expect((await port.raw({ authorization, origin: "http://evil.example" })).status).toBe(403);
    expect((await port.raw({ authorization, host: "evil.example" })).status).toBe(403);
    expect((await port.raw({ authorization }, "{}", "POST", "/other")).status).toBe(404);
    expect(port.desk.calls).toEqual([]);
  });
});

describe("what a client may send wrongly over HTTP", () => {
  test.each([
    ["no JSON", "{nonsense", 400],
    ["very deep JSON", `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, 400],
    ["nothing", "", 400],
    ["a request of no session", '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', 400],
    ["no message", '{"hello":1}', 400],
  ])("%s", async (_name, body, status) => {
    await using port = await new PaperPort().open();
    expect((await port.raw({ authorization }, body)).status).toBe(status);
    expect(
      (await port.raw({ authorization, "mcp-session-id": "../x" }, '{"jsonrpc":"2.0","id":1,"method":"ping"}')).status,
    ).toBe(404);
  });

  test("64 MB are refused, by their announced length and by what comes", async () => {
    await using port = await new PaperPort().open();
    const { url } = port;
    const large = new Uint8Array(64 * 1024 * 1024).fill(0x61);
    const headers = {
      authorization,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const send = (body: Uint8Array<ArrayBuffer> | ReadableStream): Promise<number | string> =>
      fetch(url, { method: "POST", headers, body, duplex: "half" }).then(
        ({ status }) => status,
        // The connection is closed under a sender that does not listen.
        () => "closed",
      );
    expect([413, "closed"]).toContain(await send(large));
    expect([413, "closed"]).toContain(await send(new Blob([large]).stream()));
    expect((await port.raw({ authorization }, "{}")).status).toBe(400);
    expect(port.desk.calls).toEqual([]);
  });

  test("another kind of content is refused", async () => {
    await using port = await new PaperPort().open();
    expect((await port.raw({ authorization, "content-type": "text/plain" }, "{}")).status).toBe(415);
  });

  test("very many sessions do not stay", async () => {
    await using port = await new PaperPort().open();
    const client = await port.client("legacy");
    await client.connect(port.transport());
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "x", version: "1" } },
    });
    for (let index = 0; index < 70; index += 1) expect((await port.raw({ authorization }, body)).status).toBe(200);
    await expect(client.listTools()).rejects.toThrow(/404|not found/i);
    await client.close();
  });

  test("a port that is taken is said so", async () => {
    await using port = await new PaperPort().open();
    const { port: taken } = new URL(port.url);
    const second = serveHttp({
      parts: { desk: port.desk, version: "0", elicitation: true },
      address: { host: "127.0.0.1", port: Number(taken) },
      token,
      signal: new AbortController().signal,
      onProblem: () => undefined,
      onListening: () => undefined,
    });
    await expect(second).rejects.toThrow(/cannot listen on 127\.0\.0\.1/);
  });
});
