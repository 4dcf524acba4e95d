import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { isAirlockError } from "../../src/base/errors.js";
import { grantsOf, requireApproval } from "../../src/config/approve.js";
import { type LoadedConfig, loadConfigFile } from "../../src/config/load.js";
import { mergeConfig } from "../../src/config/merge.js";
import { type FileConfig, projectSchema, userSchema } from "../../src/config/schema.js";

/**
 * The repository is hostile: what its airlock.yaml loosens must stop the run until a person has agreed. Every key stands in
 * one of the two tables; a key that is added without a decision fails the first test.
 */
const loosening: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  image: [{ image: "evil/image" }],
  runtime: [{ runtime: "runc" }, { runtime: "nvidia" }],
  user: [{ user: "root" }],
  paths: [
    { paths: [{ host: "/srv" }] },
    { paths: [{ host: "/srv", mode: "ro" }] },
    { paths: [{ host: "/srv", mode: "cow" }] },
    { paths: [{ host: "/srv", mode: "rw" }] },
    { paths: [{ host: "../other" }] },
  ],
  env: [{ env: { LD_PRELOAD: "/x.so" } }, { env: { A: "" } }],
  unmask: [{ unmask: ["**"] }, { unmask: ["a"] }],
  limits: [
    { limits: { memory: "5g" } },
    { limits: { cpus: 3 } },
    { limits: { pids: 1_025 } },
    { limits: { disk: "21g" } },
  ],
  onExit: [{ onExit: "discard" }],
  network: [
    { network: { allow: ["example.com"] } },
    { network: { presets: ["github"] } },
    { network: { ask: ["example.com"] } },
    { network: { allowPrivate: ["printer.example"] } },
    { network: { default: "ask" } },
    { network: { default: "open" } },
  ],
  tools: [{ tools: { trust: ["read"] } }, { tools: { trust: ["shell:git *"], deny: ["shell"] } }],
  aws: [
    { aws: { mode: "gateway" } },
    { aws: { mode: "direct" } },
    { aws: { profile: "admin" } },
    { aws: { region: "eu-central-1" } },
    { aws: { role: "admin" } },
    { aws: { duration: "12h" } },
    { aws: { access: "read-write" } },
    { aws: { access: "read-write", services: ["s3"] } },
    { aws: { allow: ["ec2:TerminateInstances"] } },
    { aws: { ask: ["ec2:TerminateInstances"] } },
    { aws: { policy: { Version: "2012-10-17", Statement: [] } } },
  ],
};

const tightening: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  user: [{ user: "agent" }],
  workspace: [{ workspace: "upload" }, { workspace: "overlay" }],
  mask: [{ mask: ["**"] }],
  limits: [
    { limits: { memory: "4g" } },
    { limits: { cpus: 2 } },
    { limits: { pids: 1_024 } },
    { limits: { disk: "20g" } },
    { limits: { timeout: "1h" } },
    { limits: { timeout: 0 } },
  ],
  onExit: [{ onExit: "review" }, { onExit: "keep" }],
  paths: [{ paths: [] }],
  env: [{ env: {} }],
  unmask: [{ unmask: [] }],
  network: [{ network: { deny: ["example.com"] } }, { network: { default: "deny" } }],
  tools: [{ tools: { deny: ["shell"] } }, { tools: { ask: ["read"] } }],
  aws: [
    { aws: { mode: "off" } },
    { aws: { access: "read" } },
    { aws: { access: "custom" } },
    { aws: { deny: ["s3:*"] } },
    { aws: { regions: ["eu-central-1"] } },
    { aws: { accounts: ["123456789012"] } },
    { aws: { tags: { env: "dev" } } },
    { aws: { protected: ["live"] } },
    { aws: { dryRun: true } },
  ],
};

const cases = (table: typeof loosening) =>
  Object.values(table).flatMap((each) => each.map((value) => [JSON.stringify(value), value] as const));

let project: string;
let home: string;

beforeAll(() => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "airlock-hostile-config-")));
  [project, home] = [join(folder, "project"), join(folder, "home")];
  mkdirSync(project);
  mkdirSync(home);
});

afterAll(() => rmSync(join(project, ".."), { recursive: true, force: true }));

async function load(text: string): Promise<LoadedConfig> {
  writeFileSync(join(project, "airlock.yaml"), text);
  const loaded = await loadConfigFile(join(project, "airlock.yaml"), "project");
  if (loaded === null) throw new Error("not there");
  return loaded;
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "accepted",
    (error: unknown) => (isAirlockError(error) ? error.code : String(error)),
  );

describe("a repository's configuration", () => {
  test("has no key about which it was not decided what it loosens", () => {
    const decided = new Set([...Object.keys(loosening), ...Object.keys(tightening)]);
    expect(Object.keys(projectSchema.shape).filter((key) => !decided.has(key))).toEqual([]);
  });

  test.each(cases(loosening))("%s stops the run until it is approved", async (_name, value) => {
    const loaded = await load(stringify(value));
    expect(grantsOf(loaded.config)).toHaveLength(1);
    expect(await codeOf(requireApproval(home, project, loaded))).toBe("E_CONFIG_NOT_APPROVED");
  });

  test.each(cases(tightening))("%s needs no approval", async (_name, value) => {
    expect(await codeOf(requireApproval(home, project, await load(stringify(value))))).toBe("accepted");
  });

  test("is not approved by the sum of its parts: what loosens counts beside what tightens", async () => {
    const all = Object.assign({}, ...Object.values(tightening).map(([first]) => first), { image: "evil" });
    expect(await codeOf(requireApproval(home, project, await load(stringify(all))))).toBe("E_CONFIG_NOT_APPROVED");
  });

  test("cannot allow writing through, switch the sandbox off or name hooks, by any key", async () => {
    for (const key of [
      "allowRw",
      "allow-rw",
      "sandbox",
      "enabled",
      "hooks",
      "network",
      "engine",
      "privileged",
      "entrypoint",
      "record",
      "snapshots",
      "agents",
    ]) {
      expect(await codeOf(load(`${key}: true\n`))).toBe("E_CONFIG_INVALID");
    }
    expect(Object.keys(userSchema.shape).filter((key) => !(key in projectSchema.shape))).toEqual([
      "allowRw",
      "agents",
      "snapshots",
      "record",
    ]);
    expect(await codeOf(load("aws:\n  endpoint: http://127.0.0.1:1\n"))).toBe("E_CONFIG_INVALID");
  });

  test("cannot take back what the user's own configuration hides or limits", async () => {
    const user: FileConfig = { mask: ["customers"], limits: { memory: 1024 ** 3, pids: 50, timeout: 60 } };
    const loaded = await load(stringify({ mask: [], limits: { memory: "4g", pids: 1_024, timeout: 0 } }));
    const config = mergeConfig({ flags: {}, project: loaded, user: { file: "u", sha256: "", config: user } });
    expect(config.mask).toContain("customers");
    expect(config.limits).toMatchObject({ memoryBytes: 1024 ** 3, pids: 50, timeoutSeconds: 60 });
  });

  test("cannot reach what it may turn into a link later: nothing in the project is a path of its own", async () => {
    symlinkSync("/srv", join(project, "link"));
    for (const host of [
      "link",
      "./link",
      "../project/link",
      join(project, "link"),
      `${project}//link`,
      "./x/../link",
      ".",
    ]) {
      expect(await codeOf(load(stringify({ paths: [{ host }] })))).toBe("E_CONFIG_INVALID");
    }
  });

  test("makes nobody read a file elsewhere, wait for a pipe or eat memory", async () => {
    const file = join(project, "airlock.yaml");
    // A stand-in: were the link ever followed by something that writes, the machine's own file would be lost.
    const elsewhere = join(project, "..", "shadow");
    writeFileSync(elsewhere, "root:secret\n");
    const attempts = [
      () => symlinkSync(elsewhere, file),
      () => symlinkSync("/dev/zero", file),
      () => execFileSync("mkfifo", [file]),
      () => execFileSync("mknod", [file, "c", "1", "5"]),
      () => execFileSync("truncate", ["-s", "8T", file]),
      () => mkdirSync(file),
    ];
    for (const attempt of attempts) {
      rmSync(file, { recursive: true, force: true });
      attempt();
      const work = loadConfigFile(file, "project");
      expect(await codeOf(work)).toBe("E_CONFIG_INVALID");
      // Nothing of the other file is quoted.
      expect(await work.catch((error: Error) => error.message)).not.toMatch(/root:/);
    }
    rmSync(file, { recursive: true, force: true });
  });

  test(".env changes nothing: it is not read", async () => {
    writeFileSync(join(project, ".env"), "AIRLOCK_USER=root\nAIRLOCK_IMAGE=evil\n");
    const config = mergeConfig({ flags: {}, project: await load("user: agent\n"), user: null });
    expect(config).toMatchObject({ user: "agent", image: undefined });
  });
});
