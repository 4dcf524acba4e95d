import { chmodSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CallOptions, Result } from "../support/cli.js";
import { Lab } from "../support/lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = new Lab();
  await lab.airlock(["run", "--name", "twin-one", "--", "true"]);
  await lab.airlock(["run", "--name", "twin-two", "--", "true"]);
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

interface Case {
  readonly args: readonly string[];
  readonly options?: CallOptions;
  readonly code: number;
  readonly says: RegExp;
}

const run = (...options: string[]): string[] => ["run", ...options, "--", "true"];

async function expectRefused({ args, options, code, says }: Case): Promise<Result> {
  const before = await lab.held();
  const result = await lab.airlock(args, options);
  expect(result.stderr).toMatch(says);
  expect(result.code).toBe(code);
  expect(result.stdout.toString()).toBe("");
  expect(result.stderr).toMatch(/^airlock: .+/);
  expect(result.stderr).not.toMatch(/\n\s+at .*:\d+|defect in Airlock|undefined|\[object/);
  expect(await lab.held()).toEqual(before);
  const { stdout } = await lab.airlock(["ls", "--all", "--json"]);
  expect((JSON.parse(stdout.toString()) as { id: string }[]).map(({ id }) => id).sort()).toEqual([
    "twin-one",
    "twin-two",
  ]);
  return result;
}

describe("a wrong flag", () => {
  it.each<[string, string[], RegExp]>([
    ["--memory lots", run("--memory", "lots"), /--memory: "lots" is not a size such as 512m or 4g/],
    ["--memory -1", run("--memory=-1"), /--memory: "-1" is not a size/],
    ["--cpus 0", run("--cpus", "0"), /--cpus: "0" is not a number above 0/],
    ["--cpus many", run("--cpus", "many"), /--cpus: "many"/],
    ["--pids 1.5", run("--pids", "1.5"), /--pids: "1.5" is not a whole number/],
    ["--disk ''", run("--disk", ""), /--disk: "" is not a size/],
    ["--timeout soon", run("--timeout", "soon"), /--timeout: "soon" is not a time such as 90s/],
    ["--name UPPER", run("--name", "UPPER"), /"UPPER" cannot be a session's name/],
    ["--name of another session", run("--name", "twin-one"), /there is a session "twin-one" already/],
    ["--name with a slash", run("--name", "../up"), /cannot be a session's name/],
    ["--on-exit maybe", run("--on-exit", "maybe"), /maybe.*Allowed choices are review, keep, discard/],
    ["--user nobody", run("--user", "nobody"), /nobody.*Allowed choices are agent, root/],
    ["--workspace there", run("--workspace", "there"), /there.*Allowed choices are overlay, upload/],
    ["--path of nothing", run("--path", "/nowhere/at/all"), /\/nowhere\/at\/all/],
    ["--path of a credentials folder", run("--path", "~/.ssh"), /\.ssh/],
    ["--runtime nobody has", run("--runtime", "warp"), /no runtime "warp"/],
    ["--image nobody has", run("--image", "airlock/none:1"), /airlock\/none:1/],
    ["a flag nobody knows", run("--memmory", "1g"), /--memmory/],
    ["no command", ["run"], /command/],
    ["--env-file of nothing", run("--env-file", "/nowhere"), /\/nowhere/],
  ])("%s is refused by run with 125", async (_, args, says) => {
    await expectRefused({ args, code: 125, says });
  });

  it.each<[string, string[], number, RegExp]>([
    ["an unknown session", ["status", "nobody"], 10, /no session "nobody"/],
    ["an ambiguous prefix", ["status", "twin"], 10, /"twin" fits several sessions: twin-\w+, twin-\w+/],
    ["an unknown session to discard", ["discard", "nobody"], 10, /no session "nobody"/],
    ["exec in an unknown session", ["exec", "nobody", "--", "true"], 125, /no session "nobody"/],
    ["an unknown snapshot", ["restore", "twin-one/s9"], 10, /session twin-one has no snapshot "s9"/],
    ["what is no snapshot", ["restore", "yesterday"], 2, /"yesterday" is not a snapshot/],
    ["an unknown command", ["destroy"], 2, /destroy/],
    ["discard of all and of one", ["discard", "--all", "twin-one"], 2, /either session ids or --all/],
  ])("%s ends with the code of its kind", async (_, args, code, says) => {
    await expectRefused({ args, code, says });
  });

  it("takes a prefix that fits one session", async () => {
    const { code } = await lab.airlock(["status", "twin-o"]);
    expect(code).toBe(0);
  });
});

describe("a project that cannot be used", () => {
  it.each<[string, () => string, RegExp]>([
    ["missing", () => join(lab.root, "vanished"), /vanished/],
    ["a file", () => join(lab.project, "README.md"), /README\.md/],
    ["the root folder", () => "/", /cannot be a project/],
    ["the home folder", () => lab.userHome, /cannot be a project/],
    ["a system folder", () => "/etc", /cannot be a project/],
    ["inside the state folder", () => join(lab.home, "sessions"), /cannot be a project/],
    ["the state folder itself by a link", () => join(lab.root, "innocent"), /cannot be a project/],
  ])("because it is %s is refused", async (_, place, says) => {
    rmSync(join(lab.root, "innocent"), { force: true });
    symlinkSync(lab.home, join(lab.root, "innocent"));
    await expectRefused({ args: run("--project", place()), code: 125, says });
  });
});

describe("a configuration with a mistake", () => {
  it.each<[string, string, RegExp]>([
    ["an unknown key", "memmory: 1g\n", /airlock\.yaml:1.*memmory|memmory/],
    ["a wrong value", "limits:\n  memory: lots\n", /memory/],
    ["no YAML", "limits: [\n", /airlock\.yaml/],
    ["a grant that nobody approved", "user: root\n", /approve/],
  ])("(%s) stops the run", async (_, text, says) => {
    lab.write("airlock.yaml", text);
    try {
      await expectRefused({ args: run(), code: 125, says });
    } finally {
      rmSync(join(lab.project, "airlock.yaml"));
    }
  });
});

describe("an engine that cannot be used", () => {
  it.each<[string, CallOptions]>([
    ["DOCKER_HOST", { env: { DOCKER_HOST: "unix:///nonexistent/docker.sock" } }],
    ["AIRLOCK_ENGINE", { env: { AIRLOCK_ENGINE: "unix:///nonexistent/docker.sock" } }],
  ])("because nothing answers at the one of %s, is said with what to do", async (_, options) => {
    const { stderr } = await expectRefused({ args: run(), options, code: 125, says: /nonexistent\/docker\.sock/ });
    expect(stderr).toMatch(/^hint: .+/m);
    await expectRefused({ args: ["discard", "twin-one"], options, code: 12, says: /nonexistent/ });
    const { stdout } = await lab.airlock(["status", "twin-one", "--json"]);
    expect(JSON.parse(stdout.toString())).toMatchObject({ session: "twin-one" });
  });

  it("because its API is too old, is refused", async () => {
    const server = createServer((_, response) => {
      response.setHeader("Api-Version", "1.39").setHeader("Content-Type", "application/json");
      response.end(
        JSON.stringify({ ApiVersion: "1.39", MinAPIVersion: "1.12", Version: "18.09.0", Os: "linux", Arch: "amd64" }),
      );
    });
    const socket = join(lab.root, "old.sock");
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      await expectRefused({ args: run("--engine", `unix://${socket}`), code: 125, says: /1\.39|too old|1\.41/ });
    } finally {
      server.close();
    }
  });

  it("because it does not speak HTTP, is refused", async () => {
    const { createServer: createSocket } = await import("node:net");
    const server = createSocket((socket) => socket.end("SSH-2.0-none\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await expectRefused({ args: run("--engine", `tcp://127.0.0.1:${port}`), code: 125, says: /HTTP|engine/ });
    } finally {
      server.close();
    }
  });
});

describe("a state folder that cannot be used", () => {
  it.each<[string, () => string, RegExp]>([
    ["relative", () => "state", /AIRLOCK_HOME must be an absolute path, not "state"/],
    ["below a file", () => join(lab.project, "README.md/state"), /cannot make the state folder/],
    ["writable by others", () => join(lab.root, "open"), /can be written by somebody else/],
  ])("because it is %s is refused", async (_, place, says) => {
    mkdirSync(join(lab.root, "open"), { recursive: true });
    chmodSync(join(lab.root, "open"), 0o770);
    await expectRefused({ args: run(), options: { env: { AIRLOCK_HOME: place() } }, code: 125, says });
  });
});

describe("--debug and --json", () => {
  it("show where an error came from, and the error as JSON", async () => {
    const { stderr } = await lab.airlock(["status", "nobody", "--debug"]);
    expect(stderr).toMatch(/\n\s+at /);
    const json = await lab.airlock(["status", "nobody", "--json"]);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: "E_SESSION_NOT_FOUND", exit: 10 });
  });
});
