import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OwnEngine, startOwnEngine, whyNoOwnEngine } from "../support/own-engine.js";
import { copySandboxImage, OwnEngineLab } from "../support/own-engine-lab.js";

const run = promisify(execFile);

// Debian has gVisor's program as a package; the tests' setup is what installs it.
async function whyNoGvisor(): Promise<string | null> {
  if (existsSync("/usr/bin/runsc")) return null;
  const install = run("apt-get", ["install", "-y", "--no-install-recommends", "runsc"], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: 150_000,
  });
  return await install.then(
    () => null,
    () => "runsc is missing and cannot be installed",
  );
}

const reason = whyNoOwnEngine() ?? (await whyNoGvisor());
if (reason !== null) console.warn(`skipped, gVisor: ${reason}`);

// As docs/engines.md says: no network of its own, as sandboxes have none; ptrace needs no /dev/kvm.
const wrapper = `#!/bin/sh
exec /usr/bin/runsc --ignore-cgroups --platform=ptrace --network=none "$@"
`;

describe.skipIf(reason !== null)("a sandbox in gVisor", () => {
  let folder: string;
  let own: OwnEngine;
  let lab: OwnEngineLab;

  beforeAll(async () => {
    folder = await mkdtemp("/var/tmp/airlock-test-runsc-");
    const program = join(folder, "runsc");
    await writeFile(program, wrapper, { mode: 0o755 });
    own = await startOwnEngine({ runtimes: { runsc: program, broken: join(folder, "nothing") } });
    lab = new OwnEngineLab({ DOCKER_HOST: `unix://${own.socket}` });
    await copySandboxImage(own);
  }, 300_000);
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await own?.[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  it("has another kernel, its wall proved, and the same change set", async () => {
    const script = "cat /proc/version; cat -; echo changed >> src/a.txt; rm src/b.txt; exit 7";
    const ran = await lab.airlock(["run", "--runtime", "runsc", "--on-exit", "keep", "--", "sh", "-c", script], {
      input: "piped\n",
    });
    expect(ran).toMatchObject({ code: 7 });
    expect(ran.stdout.toString()).toMatch(/^Linux version 4\.4\.0 .*\npiped\n$/);
    expect(readFileSync(join(lab.project, "src/a.txt"), "utf8")).toBe("one\ntwo\nthree\n");
    const { changes } = await lab.json<{ changes: { path: string; kind: string }[] }>(["diff", "--json"]);
    expect(changes.map(({ path, kind }) => `${kind} ${path}`).sort()).toEqual([
      "deleted src/b.txt",
      "modified src/a.txt",
    ]);
    const status = await lab.json<{ proof: { ok: boolean; checks: number } }>(["status", "--json"]);
    expect(status.proof).toMatchObject({ ok: true });
    expect(status.proof.checks).toBeGreaterThan(40);
  });

  it("has no way out but the wire, which denies by name", async () => {
    const script = "curl -sS -m 5 http://denied.example/; cat /airlock/denied; ls /sys/class/net";
    const ran = await lab.airlock(
      [
        "run",
        "--runtime",
        "runsc",
        "--allow-host",
        "allowed.example",
        "--on-exit",
        "discard",
        "--",
        "sh",
        "-c",
        script,
      ],
      {},
    );
    expect(ran.stdout.toString()).toContain("denied: denied.example:80 no rule allows it");
    expect(ran.stdout.toString()).not.toMatch(/eth|docker/);
  });

  it("starts, takes commands and snapshots, and is gone after the discard", async () => {
    const id = await lab.start("--runtime", "runsc");
    await lab.exec(id, "echo 1 > f");
    const { id: snapshot } = await lab.json<{ id: string }>(["snapshot", id, "--json"]);
    await lab.exec(id, "echo 2 > f");
    expect((await lab.airlock(["restore", `${id}/${snapshot}`])).code).toBe(0);
    expect((await lab.exec(id, "cat f; uname -r")).stdout.toString()).toBe("1\n4.4.0\n");
    expect(await lab.json(["discard", id, "--json"])).toMatchObject({ clean: true });
  });

  it("is tested by doctor; a runtime that cannot start is an error, never another in its place", async () => {
    const doctor = await lab.airlock(["doctor"]);
    expect(doctor.stdout.toString()).toMatch(/ok +runtime runsc: a sandbox starts/);
    expect(doctor.stdout.toString()).toMatch(/runtime broken: .*/);
    const ran = await lab.airlock(["run", "--runtime", "broken", "--on-exit", "discard", "--", "true"]);
    expect(ran.code).toBe(125);
    expect((await lab.airlock(["run", "--runtime", "absent", "--on-exit", "discard", "--", "true"])).code).toBe(125);
  });
});
