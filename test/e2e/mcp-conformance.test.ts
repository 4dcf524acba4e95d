import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listedTools } from "../../src/mcp/tool-list.js";
import { airlockScript } from "../support/cli.js";
import { fetchNode22, fetchPackage } from "../support/fetched-package.js";
import { Lab } from "../support/lab.js";
import { TokenProxy } from "../support/token-proxy.js";

const run = promisify(execFile);
const expectedFailures = new URL("../support/mcp-expected-failures.yml", import.meta.url).pathname;

let lab: Lab;

beforeAll(() => {
  lab = new Lab();
});

afterAll(() => lab[Symbol.asyncDispose]());

interface Served extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
}

async function serve(): Promise<Served> {
  const child = lab.spawn(["mcp", "--http", "127.0.0.1:0"]);
  let printed = "";
  const [, url = "", token = ""] = await new Promise<string[]>((resolve, reject) => {
    child.once("exit", () => reject(new Error("the server ended")));
    child.stdout?.on("data", (piece: Buffer) => {
      printed += piece.toString();
      const match = /^(\S+)\nAuthorization: Bearer (\S+)\n$/.exec(printed);
      if (match !== null) resolve(match);
    });
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return {
    url,
    token,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

test("the protocol's conformance suite finds nothing but what is expected", async () => {
  await using served = await serve();
  await using proxy = await TokenProxy.start(served.url, served.token);
  const modules = await fetchPackage("@modelcontextprotocol/conformance", "0.2.0-alpha.12");
  const suite = join(modules, "@modelcontextprotocol/conformance/dist/index.js");
  const words = ["server", "--url", proxy.url, "--suite", "all", "--expected-failures", expectedFailures];
  const options = { timeout: 200_000, maxBuffer: 1 << 26 };
  const { stdout, code } = await run(await fetchNode22(), [suite, ...words], options).then(
    (ended) => ({ stdout: ended.stdout, code: 0 }),
    (error: { stdout: string; code: number }) => error,
  );
  expect(`${code} ${stdout.slice(stdout.indexOf("=== SUMMARY"))}`).toMatch(/^0 /);
  for (const scenario of [
    "server-initialize",
    "server-session-lifecycle",
    "http-header-validation",
    "dns-rebinding-protection",
  ])
    expect(stdout).toMatch(new RegExp(`✓ ${scenario}: [1-9]\\d* passed, 0 failed`));
}, 500_000);

test("the inspector lists and calls the tools, and finds no schema that a client could trip over", async () => {
  const modules = await fetchPackage("@modelcontextprotocol/inspector", "2.12.0");
  const node = await fetchNode22();
  const inspect = async (...words: string[]): Promise<unknown> => {
    const script = join(modules, "@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    const options = { cwd: lab.project, env: lab.env(), timeout: 60_000 };
    const { stdout } = await run(node, [script, "--cli", airlockScript, "mcp", ...words], options);
    return JSON.parse(stdout);
  };
  const { tools } = (await inspect("--method", "tools/list", "--strict")) as { tools: { name: string }[] };
  expect(tools.map(({ name }) => name)).toEqual(listedTools);
  const glob = await inspect("--method", "tools/call", "--tool-name", "glob", "--tool-arg", "pattern=src/*");
  expect(glob).toMatchObject({
    structuredContent: { files: [join(lab.project, "src/a.txt"), join(lab.project, "src/b.txt")] },
  });
  const status = await inspect("--method", "tools/call", "--tool-name", "status");
  expect(status).toMatchObject({ structuredContent: { state: "running", project: lab.project } });
}, 500_000);
