import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../../scripts/engine", import.meta.url));
const finder = fileURLToPath(new URL("../../../scripts/find-engine.mjs", import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-setup-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, body: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

interface Machine {
  readonly system?: string;
  readonly uid?: number;
  readonly osRelease?: string;
}

/** Runs the script as on another machine, printing what it would run. */
function dryRun({ system = "Linux", uid = 0, osRelease = "" }: Machine) {
  program("uname", `echo ${system}`);
  program("id", `echo ${uid}`);
  program("apt-get", "exit 99");
  writeFileSync(join(folder, "os-release"), osRelease);
  const { status, stderr, stdout } = spawnSync("sh", [script, "--dry-run"], {
    encoding: "utf8",
    env: {
      PATH: `${folder}:${dirname(process.execPath)}:/usr/bin:/bin`,
      AIRLOCK_OS_RELEASE: join(folder, "os-release"),
    },
  });
  return { status, stderr, stdout };
}

describe("setting up an engine", () => {
  it.each(["ID=debian", "ID=ubuntu\nID_LIKE=debian", 'ID=pop\nID_LIKE="ubuntu debian"'])(
    "says first and then does it as root on %j",
    (osRelease) => {
      const { status, stderr } = dryRun({ osRelease });
      expect(status).toBe(0);
      expect(stderr).toMatch(/installing Docker.*\+ apt-get install -y [^\n]*docker\.io iptables.*starting/s);
    },
  );

  it.each([
    ["macOS", { system: "Darwin", uid: 501 }, /Docker Desktop.*OrbStack.*colima start/s],
    ["Windows", { system: "MINGW64_NT-10.0", uid: 197609 }, /wsl --install/],
    ["Debian without root", { uid: 1000, osRelease: "ID=debian" }, /apt-get install -y docker\.io.*rootless/s],
    ["Fedora", { osRelease: "ID=fedora" }, /dnf install -y moby-engine/],
    ["RHEL", { osRelease: 'ID="rhel"\nID_LIKE="fedora"' }, /podman\.socket/],
    ["Arch", { osRelease: "ID=arch" }, /pacman -S --needed docker/],
    ["Alpine", { osRelease: "ID=alpine" }, /apk add docker/],
    ["anything else", { osRelease: "ID=slackware" }, /your distribution's packages/],
  ] as const)("changes nothing and says exactly what to do on %s", (_name, machine, expected) => {
    const { status, stderr, stdout } = dryRun(machine);
    expect(status).toBe(69);
    expect(stderr).toMatch(expected);
    expect(stderr).toContain("run the same command again");
    expect(stderr).not.toContain("+ ");
    expect(stdout).toBe("");
  });
});

function find(env: Readonly<Record<string, string>>) {
  const { status, stdout } = spawnSync(process.execPath, [finder], { encoding: "utf8", env: { HOME: folder, ...env } });
  return { code: status, stdout: stdout.trim() };
}

describe("finding an engine", () => {
  it("takes what DOCKER_HOST says before anything else", () => {
    const { code, stdout } = find({ DOCKER_HOST: "ssh://somebody@somewhere" });
    expect([code, stdout]).toEqual([0, "ssh://somebody@somewhere (DOCKER_HOST)"]);
  });

  it("does not take a socket that nothing answers on", () => {
    const { code } = find({ DOCKER_HOST: `unix://${folder}/none.sock` });
    expect(code).toBe(1);
  });

  it("takes the current context, as the docker command does", () => {
    const id = createHash("sha256").update("lab").digest("hex");
    mkdirSync(join(folder, ".docker/contexts/meta", id), { recursive: true });
    writeFileSync(join(folder, ".docker/config.json"), JSON.stringify({ currentContext: "lab" }));
    const host = "tcp://lab.example:2376";
    writeFileSync(
      join(folder, ".docker/contexts/meta", id, "meta.json"),
      JSON.stringify({ Name: "lab", Endpoints: { docker: { Host: host } } }),
    );
    expect(find({})).toEqual({ code: 0, stdout: `${host} (docker context lab)` });
  });
});
