import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { killAllNaming } from "./own-engine.js";

const run = promisify(execFile);

/** A Podman service of the test's own, with its own storage. */
export interface OwnPodman extends AsyncDisposable {
  readonly socket: string;
}

/** Installs Podman when it is missing, as the tests' setup would; null when there is one then, else why not. */
export async function whyNoPodman(): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "the suite runs Podman as root on Linux only";
  if (existsSync("/usr/bin/podman")) return null;
  const install = run("apt-get", ["install", "-y", "--no-install-recommends", "podman"], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: 150_000,
  });
  return await install.then(
    () => null,
    () => "podman is missing and cannot be installed",
  );
}

// A machine whose root lacks CAP_SYS_RESOURCE refuses Podman's own limits; log and cgroup drivers need no systemd.
const configuration = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** Starts it and waits until it answers. */
export async function startOwnPodman(): Promise<OwnPodman> {
  const folder = await mkdtemp("/var/tmp/airlock-test-podman-");
  const socket = join(folder, "podman.sock");
  await writeFile(join(folder, "containers.conf"), configuration);
  const flags = ["--root", join(folder, "root"), "--runroot", join(folder, "run"), "--storage-driver", "overlay"];
  const env = { ...process.env, CONTAINERS_CONF: join(folder, "containers.conf"), TMPDIR: folder };
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "TERM", "podman", ...flags, "system", "service", "--time=0", `unix://${socket}`],
    {
      env,
      stdio: "ignore",
    },
  );
  const own: OwnPodman = {
    socket,
    async [Symbol.asyncDispose]() {
      await run("podman", [...flags, "rm", "--all", "--force", "--time=0"], { env }).catch(() => undefined);
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
        child.kill("SIGTERM");
        await gone;
      }
      // Its monitors outlive their containers.
      await killAllNaming(folder);
      await run("umount", ["-R", join(folder, "root", "overlay")]).catch(() => undefined);
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
  for (let attempt = 0; attempt < 100; attempt++) {
    const ping = ["-sf", "-m", "2", "--unix-socket", socket, "http://engine/_ping"];
    if (
      await run("curl", ping).then(
        ({ stdout }) => stdout === "OK",
        () => false,
      )
    )
      return own;
    await sleep(100);
  }
  await own[Symbol.asyncDispose]();
  throw new Error("Podman's service does not get ready");
}
