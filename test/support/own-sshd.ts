import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./own-engine.js";

const run = promisify(execFile);

/** An sshd of the test's own on the loopback, with keys made for it, and the client's configuration that knows it. */
export interface OwnSshd extends AsyncDisposable {
  readonly port: number;
  /** The ssh command that uses the test's keys and known hosts, nothing of the user's. */
  readonly command: readonly string[];
  /** The same with another host key written down as the host's. */
  readonly commandWithWrongHostKey: readonly string[];
  /** The same without any known host. */
  readonly commandWithNoHostKey: readonly string[];
  /** The same with a key that the host does not know. */
  readonly commandWithWrongUserKey: readonly string[];
}

/** Installs what is missing as the tests' setup would; null when there is an sshd then, else why not. */
export async function whyNoSshd(): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it takes root on Linux to run an sshd";
  if (existsSync("/usr/sbin/sshd")) return null;
  const install = run("apt-get", ["install", "-y", "--no-install-recommends", "openssh-server"], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  });
  return await install.then(
    () => null,
    () => "openssh-server is missing and cannot be installed",
  );
}

/** Starts it in `folder`, which its owner removes. */
export async function startOwnSshd(folder: string): Promise<OwnSshd> {
  const port = await freePort();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await mkdir("/run/sshd", { recursive: true });
  for (const name of ["host", "stranger", "user", "intruder"]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  }
  await copyFile(join(folder, "user.pub"), join(folder, "authorized_keys"));
  await writeFile(join(folder, "sshd_config"), serverConfig(folder, port));
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "TERM", "/usr/sbin/sshd", "-D", "-e", "-f", join(folder, "sshd_config")],
    {
      stdio: "ignore",
    },
  );
  await untilListening(port);
  const command = async (name: string, hostKey: string | null, userKey: string) => {
    const known = join(folder, `known_${name}`);
    const key =
      hostKey === null
        ? ""
        : `[127.0.0.1]:${port} ${(await readFile(join(folder, `${hostKey}.pub`), "utf8")).trim()}\n`;
    await writeFile(known, key);
    await chmod(join(folder, userKey), 0o600);
    await writeFile(join(folder, `config_${name}`), clientConfig(known, join(folder, userKey)));
    return ["ssh", "-F", join(folder, `config_${name}`)];
  };
  return {
    port,
    command: await command("right", "host", "user"),
    commandWithWrongHostKey: await command("wrong", "stranger", "user"),
    commandWithNoHostKey: await command("none", null, "user"),
    commandWithWrongUserKey: await command("intruder", "host", "intruder"),
    async [Symbol.asyncDispose]() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      await gone;
    },
  };
}

function serverConfig(folder: string, port: number): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(folder, "host")}`,
    `PidFile ${join(folder, "sshd.pid")}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "StrictModes no",
    "UsePAM no",
    "MaxStartups 100",
    "MaxSessions 100",
    "",
  ].join("\n");
}

function clientConfig(knownHosts: string, key: string): string {
  return [
    `UserKnownHostsFile ${knownHosts}`,
    "GlobalKnownHostsFile none",
    `IdentityFile ${key}`,
    "IdentitiesOnly yes",
    "UpdateHostKeys no",
    "",
  ].join("\n");
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const listens = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ host: "127.0.0.1", port });
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (listens) return;
    await sleep(50);
  }
  throw new Error("sshd does not listen");
}
