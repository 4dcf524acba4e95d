import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DisposeStack } from "../../../src/base/dispose.js";
import { connectEngine } from "../../../src/engine/connect.js";
import { findEngine } from "../../../src/engine/endpoint.js";
import { Transport } from "../../../src/engine/transport.js";
import type { Engine, EngineEndpoint } from "../../../src/model/engine.js";
import { containerRequest } from "../../support/container-request.js";

let folder = "";
let stack = new DisposeStack();
let endpoint: EngineEndpoint;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "airlock-bad-"));
  stack = new DisposeStack();
  endpoint = { kind: "unix", address: `unix://${folder}/s`, source: "a test" };
});
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function listen(server: Server): Promise<void> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => open.add(socket));
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve));
  stack.defer(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
}

/** An engine that answers pings as a good one does, and everything else as told. */
async function engineThat(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Engine> {
  const server = createHttpServer((request, response) => {
    if (request.url === "/_ping") response.setHeader("Api-Version", "1.41").end("OK");
    else answer(request, response);
  });
  server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}"));
  await listen(server);
  return stack.use(await connectEngine(endpoint, { timeoutMs: 300 }));
}

const json = (status: number, body: unknown) => (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
};

describe("connecting to", () => {
  test("nothing is E_ENGINE_UNREACHABLE with what to do", async () => {
    await expect(connectEngine(endpoint)).rejects.toMatchObject({
      code: "E_ENGINE_UNREACHABLE",
      message: expect.stringContaining("ENOENT"),
      hint: expect.stringContaining("make setup"),
    });
  });

  test("a file that is no socket, and a socket without a listener, is E_ENGINE_UNREACHABLE", async () => {
    await writeFile(join(folder, "s"), "");
    await expect(connectEngine(endpoint)).rejects.toMatchObject({ code: "E_ENGINE_UNREACHABLE" });
    const tcp: EngineEndpoint = { kind: "tcp", address: "tcp://127.0.0.1:1", source: "a test" };
    await expect(connectEngine(tcp)).rejects.toMatchObject({ code: "E_ENGINE_UNREACHABLE" });
  });

  test("a program that does not speak HTTP is E_ENGINE_ANSWER", async () => {
    await listen(createServer((socket) => socket.end("220 mail.example ESMTP\r\n")));
    await expect(connectEngine(endpoint)).rejects.toMatchObject({ code: "E_ENGINE_ANSWER" });
  });

  test.each([
    ["another web server", 404, {}],
    ["one that says yes to everything", 200, {}],
    ["one with a version that is none", 200, { "Api-Version": "new" }],
  ])("%s is E_ENGINE_ANSWER", async (_what, status, headers) => {
    await listen(createHttpServer((_request, response) => response.writeHead(status, headers).end("<html>")));
    await expect(connectEngine(endpoint)).rejects.toMatchObject({
      code: "E_ENGINE_ANSWER",
      message: expect.stringContaining("no container engine"),
    });
  });

  test("an engine that is too old is E_ENGINE_TOO_OLD with both versions", async () => {
    const headers = { "Api-Version": "1.9", Server: "Docker/1.0 (linux)" };
    await listen(createHttpServer((_request, response) => response.writeHead(200, headers).end("OK")));
    await expect(connectEngine(endpoint)).rejects.toMatchObject({
      code: "E_ENGINE_TOO_OLD",
      message: expect.stringMatching(/1\.9.*Docker\/1\.0.*1\.41/),
    });
  });

  test("one that is out of order says what it says", async () => {
    await listen(
      createHttpServer((_request, response) => response.writeHead(500).end('{"message":"no\\u001b[2Jdice"}')),
    );
    await expect(connectEngine(endpoint)).rejects.toMatchObject({
      code: "E_ENGINE_FAILED",
      message: expect.stringMatching(/no\\x1b\[2Jdice/),
    });
  });

  test("one that accepts and says nothing ends after five seconds", async () => {
    await listen(createServer(() => undefined));
    const began = Date.now();
    await expect(connectEngine(endpoint)).rejects.toMatchObject({
      code: "E_ENGINE_UNREACHABLE",
      message: expect.stringContaining("did not answer within 5 s"),
    });
    expect(Date.now() - began).toBeLessThan(7_000);
  });

  test("one that says nothing ends at once when the user gives up", async () => {
    await listen(createServer(() => undefined));
    await expect(connectEngine(endpoint, { signal: AbortSignal.abort("SIGTERM") })).rejects.toMatchObject({
      code: "E_CANCELLED",
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort("SIGINT"), 20);
    await expect(connectEngine(endpoint, { signal: stop.signal })).rejects.toMatchObject({ code: "E_CANCELLED" });
  });

  test("a newer engine is asked for a version that it still knows", async () => {
    const paths: string[] = [];
    const server = createHttpServer((request, response) => {
      paths.push(request.url ?? "");
      response.setHeader("Api-Version", "1.52").end(request.url === "/_ping" ? "OK" : "[]");
    });
    await listen(server);
    const engine = stack.use(await connectEngine(endpoint));
    await engine.listContainers({});
    expect(paths[1]).toMatch(/^\/v1\.44\/containers\/json/);
  });
});

describe("a connected engine that", () => {
  test("answers something else is E_ENGINE_ANSWER and names the field", async () => {
    const engine = await engineThat(json(200, { Id: "x", Name: "/x", Image: "i", State: { Status: 7 }, Config: {} }));
    await expect(engine.inspectContainer("x")).rejects.toMatchObject({ code: "E_ENGINE_ANSWER" });
    await expect(engine.listContainers({})).rejects.toMatchObject({ code: "E_ENGINE_ANSWER" });
    await expect(engine.inspectVolume("v")).rejects.toMatchObject({ message: expect.stringContaining("Driver") });
    await expect(engine.facts()).rejects.toMatchObject({ code: "E_ENGINE_ANSWER" });
  });

  test("answers with text, with nothing, or with half of it is an error too", async () => {
    for (const body of ["<html>", "", '{"Id":']) {
      const engine = await engineThat((_request, response) => response.end(body));
      await expect(engine.inspectContainer("x")).rejects.toMatchObject({ code: "E_ENGINE_ANSWER" });
      await stack[Symbol.asyncDispose]();
    }
    const engine = await engineThat((_request, response) => {
      response.writeHead(200, { "Content-Length": "1000" }).write("{");
      setTimeout(() => response.destroy(), 20);
    });
    await expect(engine.inspectContainer("x")).rejects.toMatchObject({ code: "E_ENGINE_LOST" });
  });

  test("fails is E_ENGINE_FAILED with its words; a full disk is E_DISK_FULL", async () => {
    let message = "driver failed";
    const engine = await engineThat((request, response) => json(500, { message })(request, response));
    await expect(engine.startContainer("x")).rejects.toMatchObject({
      code: "E_ENGINE_FAILED",
      message: expect.stringContaining("driver failed"),
    });
    await expect(engine.createVolume({ name: "v", labels: {}, driverOptions: {} })).rejects.toMatchObject({
      code: "E_ENGINE_FAILED",
    });
    await expect(engine.exec({ container: "x", command: ["true"], tty: false })).rejects.toMatchObject({
      code: "E_ENGINE_FAILED",
    });
    await expect(engine.attachContainer("x", { tty: false })).rejects.toMatchObject({ code: "E_ENGINE_FAILED" });
    message = "write /var/lib/docker/x: no space left on device";
    await expect(engine.createContainer(containerRequest({ image: "i" }))).rejects.toMatchObject({
      code: "E_DISK_FULL",
    });
  });

  test("hangs is E_ENGINE_LOST when its time is over", async () => {
    const engine = await engineThat(() => undefined);
    const hung = { code: "E_ENGINE_LOST", message: expect.stringContaining("in time") };
    await expect(engine.inspectContainer("x")).rejects.toMatchObject(hung);
    await expect(engine.listVolumes({})).rejects.toMatchObject(hung);
    await expect(engine.facts()).rejects.toMatchObject(hung);
    await expect(engine.removeContainer("x")).rejects.toMatchObject(hung);
  });

  test("hangs up is E_ENGINE_LOST", async () => {
    const engine = await engineThat((request) => request.socket.destroy());
    await expect(engine.inspectContainer("x")).rejects.toMatchObject({ code: "E_ENGINE_LOST" });
    await expect(engine.waitContainer("x")).rejects.toMatchObject({ code: "E_ENGINE_LOST" });
  });

  test("is slow to take a wait in is not told to start the container before", async () => {
    const order: string[] = [];
    const engine = await engineThat((request, response) => {
      if (request.url?.includes("/start") === true) {
        order.push("started");
        response.writeHead(204).end();
        return;
      }
      setTimeout(() => {
        order.push("wait taken in");
        response.flushHeaders();
        setTimeout(() => response.end('{"StatusCode":0}'), 50);
      }, 100);
    });
    const ended = engine.waitContainer("x");
    await engine.startContainer("x");
    expect(await ended).toEqual({ exitCode: 0 });
    expect(order).toEqual(["wait taken in", "started"]);
  });

  test("closed a kept connection is asked again over a new one, once", async () => {
    const requests = new Map<Socket, number>();
    await listen(
      createHttpServer((request, response) => {
        const count = (requests.get(request.socket) ?? 0) + 1;
        requests.set(request.socket, count);
        if (count === 1) response.end("{}");
        else request.socket.destroy();
      }),
    );
    const agent = new Agent({ keepAlive: true });
    stack.defer(() => agent.destroy());
    const transport = new Transport({ socketPath: join(folder, "s"), agent });
    for (let turn = 0; turn < 3; turn++) {
      expect(await transport.collect({ method: "GET", path: "/x" })).toMatchObject({ status: 200 });
    }
    expect([...requests.values()]).toEqual([2, 2, 1]);
  });

  test("goes away while a container is waited for is E_ENGINE_LOST", async () => {
    const engine = await engineThat((_request, response) => {
      response.writeHead(200);
      response.flushHeaders();
      setTimeout(() => response.end(), 20);
    });
    await expect(engine.waitContainer("x")).rejects.toMatchObject({ code: "E_ENGINE_LOST" });
  });

  test("reports an error in the middle of a pull or an import is not taken for success", async () => {
    const engine = await engineThat((_request, response) => {
      response.write(
        '{"status":"Pulling","id":"layer"}\n{"errorDetail":{"message":"manifest unknown"},"error":"manifest unk',
      );
      setTimeout(() => response.end('nown"}\n'), 10);
    });
    const lines: string[] = [];
    await expect(engine.pullImage("a/b:1", (line) => lines.push(line))).rejects.toMatchObject({
      code: "E_IMAGE_MISSING",
    });
    expect(lines).toEqual(["layer: Pulling"]);
  });

  test("never sees an address of its API made from a name", async () => {
    const paths: string[] = [];
    const engine = await engineThat((request, response) => {
      paths.push(request.url ?? "");
      json(200, [])(request, response);
    });
    for (const name of ["../images/x", "a/b", "a?force=1", "..", "", "a%2fb", "a\r\nb"]) {
      expect(await engine.inspectContainer(name)).toBeNull();
      expect(await engine.inspectVolume(name)).toBeNull();
      await expect(engine.startContainer(name)).rejects.toMatchObject({ code: "E_ENGINE_FAILED" });
      await expect(engine.waitContainer(name)).rejects.toMatchObject({ code: "E_ENGINE_FAILED" });
    }
    for (const name of ["../containers/json", "a b", "a?x=1", "-a", ""]) {
      expect(await engine.inspectImage(name)).toBeNull();
      await expect(engine.pullImage(name, () => undefined)).rejects.toMatchObject({ code: "E_USAGE" });
    }
    expect(paths).toEqual([]);
  });
});

describe("finding an engine", () => {
  const where = () => ({
    explicit: undefined,
    env: { XDG_RUNTIME_DIR: folder },
    homedir: folder,
    platform: "test",
    uid: 1000,
    airlockHome: folder,
  });

  test("passes over sockets that nobody answers at, and says so", async () => {
    await listen(createServer());
    await writeFile(join(folder, "docker.sock"), "");
    const { endpoint: used, looked } = await findEngine({
      ...where(),
      explicit: `${folder}/s`,
    });
    expect(used).toMatchObject({ address: `unix://${folder}/s`, source: "--engine" });
    expect(looked.at(-1)?.verdict).toBe("used");
  });

  test("that was named is not replaced by another when it does not answer", async () => {
    const { endpoint: named } = await findEngine({ ...where(), env: { DOCKER_HOST: "unix:///no/such.sock" } });
    await expect(connectEngine(named)).rejects.toMatchObject({ code: "E_ENGINE_UNREACHABLE" });
  });
});

describe("what a container uses", () => {
  const usage = (memory: unknown, cpu: unknown = 5) => ({
    cpu_stats: { cpu_usage: { total_usage: cpu } },
    memory_stats: memory,
  });

  test.each([
    ["control groups 2", { usage: 10, stats: { inactive_file: 4 } }, 6],
    ["control groups 1", { usage: 10, stats: { total_inactive_file: 3 } }, 7],
    ["an engine that tells no memory", {}, null],
    ["more idle than used", { usage: 1, stats: { inactive_file: 9 } }, 0],
  ])("is told by %s", async (_what, memory, memoryBytes) => {
    const engine = await engineThat(json(200, usage(memory)));
    expect(await engine.containerStats("c")).toEqual({ cpuNanoseconds: 5, memoryBytes, processes: null });
  });

  test("is E_ENGINE_ANSWER where it cannot be read", async () => {
    const engine = await engineThat(json(200, usage({}, -1)));
    await expect(engine.containerStats("c")).rejects.toMatchObject({ code: "E_ENGINE_ANSWER" });
  });
});
