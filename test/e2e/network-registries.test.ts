import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../support/lab.js";

interface PresetRow {
  readonly hosts: readonly string[];
}

/** Direct dependencies of a project of more than 400 packages. */
const dependencies = { express: "4.21.2", eslint: "9.17.0", jest: "29.7.0", webpack: "5.97.1" };
const answerMs = 5_000;

// Where packages come from is what this machine's own clients and the image's say; what is not reached from here is not tried.
const npmRegistry = ((): string | null => {
  try {
    execFileSync("npm", ["view", "is-number@7.0.0", "name"], { cwd: "/", stdio: "ignore", timeout: 30_000 });
    return execFileSync("npm", ["config", "get", "registry"], { cwd: "/", encoding: "utf8" }).trim();
  } catch {
    return null;
  }
})();

function answers(pattern: string): Promise<boolean> {
  const [host = "", port = ""] = pattern.split(":");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: answerMs });
    const say = (yes: boolean) => () => {
      socket.destroy();
      resolve(yes);
    };
    socket.once("connect", say(true)).once("error", say(false)).once("timeout", say(false));
  });
}

const lab = new Lab();
const [debian] = await lab.json<PresetRow[]>(["network", "presets", "debian", "--json"]);
const debianHosts = debian?.hosts ?? [];
const hasDebian = (await Promise.all(debianHosts.map(answers))).every((each) => each);

beforeAll(() => {
  // Where the way to a registry has an authority of its own, the client inside must know it, too.
  const bundle = process.env["NODE_EXTRA_CA_CERTS"];
  lab.write("bundle.txt", bundle === undefined ? "" : readFileSync(bundle));
});
afterAll(() => lab[Symbol.asyncDispose]());

function configured(network: unknown): Readonly<Record<string, string>> {
  const folder = join(lab.root, "config/airlock");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network }));
  return { XDG_CONFIG_HOME: join(lab.root, "config") };
}

describe("a real registry, by the preset of the user's own client", () => {
  it.skipIf(npmRegistry === null)("npm ci installs a project of hundreds of packages", async () => {
    lab.write("package.json", JSON.stringify({ name: "real", version: "1.0.0", private: true, dependencies }));
    execFileSync("npm", ["install", "--package-lock-only", "--no-audit", "--silent"], { cwd: lab.project });
    const script = "npm ci --no-audit --no-fund --silent && ls node_modules | wc -l && npx jest --version";
    const variables = [`npm_config_registry=${npmRegistry}`, "NODE_EXTRA_CA_CERTS=bundle.txt"];
    const { code, stdout, stderr } = await lab.airlock(
      ["run", "--on-exit", "discard", ...variables.flatMap((each) => ["--env", each]), "--", "sh", "-c", script],
      { env: configured({ presets: ["npm"] }) },
    );
    const [count, jest] = stdout.toString().trim().split("\n");
    expect({ code, jest, stderr }).toMatchObject({ code: 0, jest: dependencies.jest });
    expect(Number(count)).toBeGreaterThan(300);
  });

  it.skipIf(!hasDebian)("apt-get updates its lists and installs a package", async () => {
    // The mirrors may be in a private network here; a preset of an image does not open that by itself.
    const env = configured({ presets: ["debian"], allowPrivate: debianHosts });
    const script = "apt-get update -qq && apt-get install -qq -y --no-install-recommends hello >/dev/null && hello";
    const { code, stdout, stderr } = await lab.airlock(
      ["run", "--user", "root", "--on-exit", "discard", "--", "sh", "-c", script],
      { env },
    );
    expect({ code, stdout: stdout.toString(), stderr }).toMatchObject({ code: 0, stdout: "Hello, world!\n" });
  });
});
