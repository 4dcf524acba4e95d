import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Result } from "../support/cli.js";
import { foreignClient } from "../support/foreign-clients.js";
import { Lab } from "../support/lab.js";
import { writeOwnIndex } from "../support/own-index.js";
import { type OwnOrigin, startOwnOrigin } from "../support/own-origin.js";
import { type OwnSshd, startOwnSshd, whyNoSshd } from "../support/own-sshd.js";

let lab: Lab;
let origin: OwnOrigin;
let sshd: OwnSshd | null = null;
let session: string;
const noSshd = await whyNoSshd();

beforeAll(async () => {
  lab = new Lab();
  const served = join(lab.root, "origin");
  origin = await startOwnOrigin(served);
  writeOwnIndex(served);
  if (noSshd === null) sshd = await startOwnSshd(join(lab.root, "sshd"));
  lab.write("authority.txt", origin.certificate);
  execFileSync(
    "keytool",
    [
      ..."-importcert -noprompt -storetype PKCS12 -storepass changeit -alias own -file".split(" "),
      join(lab.project, "authority.txt"),
      "-keystore",
      join(lab.project, "authority.store"),
    ],
    { stdio: "ignore" },
  );
  const clients = await Promise.all((["go", "java", "bun"] as const).map(foreignClient));
  const hosts = ["web", "index", "git"].map((name) => `${name}.test.example`);
  const network = {
    hosts: Object.fromEntries(hosts.map((host) => [host, "127.0.0.1"])),
    allowPrivate: [
      ...hosts.flatMap((host) => [`${host}:${origin.http}`, `${host}:${origin.https}`]),
      `git.test.example:${sshd?.port ?? 22}`,
    ],
  };
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const paths = clients.map((host) => ({ host, target: `/opt/${basename(host).split("-")[0]}` }));
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network, paths }));
  session = await lab.start();
}, 300_000);
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
  await sshd?.[Symbol.asyncDispose]();
});

const inside = (script: string): Promise<Result> => lab.exec(session, script);
const hello = "hello from the origin\n";
const urls = (): string => `http://web.test.example:${origin.http}/ https://web.test.example:${origin.https}/`;

describe("programs of other languages, without a word about a proxy", () => {
  it.each([
    ["Go, with its own resolver", "SSL_CERT_FILE=$PWD/authority.txt /opt/go/client", 2],
    [
      "Java, by both of its clients",
      "/opt/java/bin/java -Djavax.net.ssl.trustStore=authority.store -Djavax.net.ssl.trustStorePassword=changeit -cp /opt/java/classes Client",
      4,
    ],
    ["a program that Bun compiled", "NODE_EXTRA_CA_CERTS=$PWD/authority.txt /opt/bun/client", 2],
  ])("%s", async (_, command, answers) => {
    const { code, stdout, stderr } = await inside(`${command} ${urls()}`);
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({ code: 0, stdout: hello.repeat(answers), stderr: "" });
    const denied = await inside(`${command} https://evil.test.example/`);
    expect(denied.code).not.toBe(0);
    expect(denied.stderr).toMatch(/access.denied|TLSV1_ALERT|handshake|alert/i);
  });
});

describe("clients of the usual services", () => {
  it.skipIf(noSshd !== null)("git clones over ssh, and pushes", async () => {
    const keys = join(lab.root, "sshd");
    const known = readFileSync(join(keys, "host.pub"), "utf8").trim();
    // Keys in the project are hidden; what a test needs inside comes by a name of its own.
    lab.write("identity", readFileSync(join(keys, "user")), 0o600);
    const url = `ssh://root@git.test.example:${sshd?.port}${join(lab.root, "origin/www/repo.git")}`;
    const { code, stdout, stderr } = await inside(
      [
        `mkdir -p ~/.ssh && cp identity ~/.ssh/id_ed25519 && chmod 600 ~/.ssh/id_ed25519`,
        `echo '[git.test.example]:${sshd?.port} ${known}' > ~/.ssh/known_hosts`,
        `git clone -q ${url} /tmp/ssh && cd /tmp/ssh && cat file.txt`,
        "echo more > more.txt && git add . && git -c user.name=a -c user.email=a@example.com commit -qm two",
        "git push -q origin HEAD:refs/heads/from-inside",
      ].join(" && "),
    );
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({ code: 0, stdout: "from git\n", stderr: "" });
    const bare = join(lab.root, "origin/www/repo.git");
    expect(execFileSync("git", ["-C", bare, "log", "-1", "--format=%s", "from-inside"]).toString()).toBe("two\n");
  });

  it("ssh says at once why it was denied", async () => {
    const { code, stderr } = await inside("ssh -o BatchMode=yes git@evil.test.example");
    expect(code).toBe(255);
    expect(stderr).toContain("airlock: the network policy refused evil.test.example:22 (no rule allows it)");
  });

  it("pip installs from an index", async () => {
    const index = `https://index.test.example:${origin.https}/simple/`;
    const { code, stdout, stderr } = await inside(
      [
        "python3 -m venv /tmp/venv",
        `/tmp/venv/bin/pip install -q --disable-pip-version-check --cert authority.txt --index-url ${index} airlock-sample`,
        "/tmp/venv/bin/python -c 'import airlock_sample; print(airlock_sample.text)'",
      ].join(" && "),
    );
    expect({ code, stdout: stdout.toString(), stderr }).toEqual({ code: 0, stdout: "from the index\n", stderr: "" });
  });
});
