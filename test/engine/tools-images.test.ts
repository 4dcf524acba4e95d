import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import type { Engine } from "../../src/model/engine.js";
import { writeTar } from "../support/tar-bytes.js";
import { tinyRoot } from "../support/tiny-image.js";
import { ToolLab } from "../support/tool-lab.js";

const [tiny, scratch] = ["airlock-test/tools-tiny:1", "airlock-test/tools-scratch:1"] as const;
let engine: Engine;
beforeAll(async () => {
  engine = await connectEngine({ kind: "unix", address: "unix:///var/run/docker.sock", source: "test" });
  await engine.importImage(await tinyRoot(), tiny, { "airlock.test": "1" });
  const empty = writeTar(["proc/", "dev/", "sys/", "tmp/"].map((path) => ({ path, mode: 0o755 })));
  await engine.importImage(Readable.from([empty]), scratch, { "airlock.test": "1" });
});
afterAll(async () => {
  for (const image of [tiny, scratch]) await engine.removeImage(image);
  await engine[Symbol.asyncDispose]();
});

describe("an image that is not ours", () => {
  it("with busybox's shell has every tool", async () => {
    await using tools = await ToolLab.open("--image", tiny);
    expect(await tools.shell("echo $0; cat src/b.txt; exit 3")).toMatchObject({
      exit_status: "3",
      stdout: "sh\nbee\n",
    });
    await tools.shell("cd src; x=5", { persistent: true });
    expect((await tools.shell("pwd; echo $x", { persistent: true })).stdout).toBe(`${tools.lab.project}/src\n5\n`);
    expect(await tools.done("grep", { pattern: "b\\w+" })).toMatchObject({ matches: 1 });
    await tools.done("write", { command: "append", path: "src/b.txt", new_str: "more\n" });
    expect(await tools.done("read", { path: "src/b.txt" })).toMatchObject({ results: [{ text: "bee\nmore\n" }] });
  });

  it("without any program still reads and writes, and says what it has no shell for", async () => {
    await using tools = await ToolLab.open("--image", scratch);
    await tools.done("write", { command: "create", path: "new", file_text: "x\n" });
    expect(await tools.done("glob", { pattern: "**" })).toMatchObject({
      files: expect.arrayContaining([`${tools.lab.project}/new`]),
    });
    expect(await tools.failure("shell", { command: "true" })).toMatch(/neither \/bin\/bash nor \/bin\/sh/);
    expect(await tools.failure("shell", { command: "true", persistent: true })).toMatch(/neither/);
  });
});

describe("a session with --user root", () => {
  it("has the same tools", async () => {
    await using tools = await ToolLab.open("--user", "root");
    expect((await tools.shell("id -u; touch /made && ls /made")).stdout).toBe("0\n/made\n");
    await tools.done("write", { command: "create", path: "/etc/made", file_text: "x" });
    expect((await tools.shell("setsid sleep 9001 & true")).exit_status).toBe("0");
    expect((await tools.processes()).filter((line) => line.includes("sleep"))).toEqual([]);
  });
});
