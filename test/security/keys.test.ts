import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, Lab, until } from "../support/lab.js";
import { type OwnOrigin, startOwnOrigin } from "../support/own-origin.js";

const secret = `sk-real-${process.pid}-q7x9`;
let lab: Lab;
let origin: OwnOrigin;
let session: string;
let placeholder: string;

beforeAll(async () => {
  lab = new Lab();
  origin = await startOwnOrigin(join(lab.root, "origin"));
  lab.write("authority.txt", origin.certificate);
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const names = ["web.test.example", "git.test.example"];
  const network = {
    hosts: Object.fromEntries(names.map((name) => [name, "127.0.0.1"])),
    allowPrivate: names.map((name) => `${name}:${origin.https}`),
  };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network }));
  const trusted = join(lab.root, "origin.pem");
  writeFileSync(trusted, origin.certificate);
  const started = await lab.airlock(["start", "--key", `web.test.example:${origin.https}=env:WEB_KEY`], {
    env: { WEB_KEY: secret, NODE_EXTRA_CA_CERTS: trusted },
  });
  if (started.code !== 0) throw new Error(started.stderr);
  session = started.stdout.toString().trim();
  placeholder = (await inside("printf %s $WEB_KEY")).text;
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

async function inside(script: string): Promise<{ readonly text: string; readonly stderr: string }> {
  const { stdout, stderr } = await lab.exec(session, script);
  return { text: stdout.toString(), stderr };
}

const web = (): string => `https://web.test.example:${origin.https}`;
const git = (): string => `https://git.test.example:${origin.https}`;
const heard = (): string => origin.heard.splice(0).join("\n");

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

describe("a key that the gate puts in", () => {
  it.each<[string, () => string]>([
    ["curl", () => `curl -sS -H "Authorization: Bearer $WEB_KEY" ${web()}/`],
    [
      "curl over HTTP/1.1, by the proxy",
      () => `curl -sS --http1.1 -x $AIRLOCK_PROXY -H "X-Api-Key: $WEB_KEY" ${web()}/`,
    ],
    [
      "Python",
      () =>
        `python3 -c 'import os,urllib.request as u;print(u.urlopen(u.Request("${web()}/",headers={"x-api-key":os.environ["WEB_KEY"]})).read().decode())'`,
    ],
    [
      "Node",
      () =>
        `node -e 'fetch("${web()}/",{headers:{authorization:"Bearer "+process.env.WEB_KEY}}).then(r=>r.text()).then(console.log)'`,
    ],
  ])("works for %s, which has nothing but a placeholder", async (_, script) => {
    heard();
    const { text, stderr } = await inside(script());
    expect(text + stderr).toContain("hello from the origin");
    const came = heard();
    expect([came.includes(secret), came.includes(placeholder)]).toEqual([true, false]);
  });

  it("goes to no other host, into no other header, and into no body", async () => {
    heard();
    const ca = "--cacert authority.txt";
    await inside(`curl -sS ${ca} -H "Authorization: Bearer $WEB_KEY" ${git()}/`);
    await inside(`curl -sS -H "X-Other: $WEB_KEY" -H "Cookie: k=$WEB_KEY" "${web()}/?k=$WEB_KEY"`);
    await inside(`curl -sS --data "$WEB_KEY" ${web()}/`);
    const came = heard();
    expect([came.includes(secret), came.split(placeholder).length]).toEqual([false, 5]);
  });

  it("is not put in twice, nor beside another's key, nor for another Host", async () => {
    heard();
    const tries = [
      `-H "X-Api-Key: $WEB_KEY" -H "X-Api-Key: $WEB_KEY"`,
      '-H "Authorization: Bearer sk-of-an-attacker"',
      `-H "X-Api-Key: $WEB_KEY" -H "Host: git.test.example"`,
      `-H "Authorization: Bearer $WEB_KEY " -H "X-Goog-Api-Key: sk-of-an-attacker"`,
    ];
    for (const each of tries) {
      const { text } = await inside(`curl -sS -o /dev/null -w '%{http_code}' ${each} ${web()}/`);
      expect([each, text]).toEqual([each, "403"]);
    }
    expect(heard()).toBe("");
    const { stdout } = await lab.airlock(["log", session, "--json"]);
    const noted = stdout
      .toString()
      .split("\n")
      .filter((line) => line.includes('"kind":"network.key"'));
    expect(noted.join("\n")).toContain("is there twice");
    expect(noted.join("\n")).not.toContain("sk-of-an-attacker");
  });

  it("brings no certificate for a host that has none, and none for another name", async () => {
    const look = (address: string, name: string): string =>
      `python3 -c 'import ssl,socket;c=ssl._create_unverified_context();print(ssl.DER_cert_to_PEM_cert(c.wrap_socket(socket.create_connection(("${address}",${origin.https})),server_hostname="${name}").getpeercert(True)))'`;
    const own = await inside(look("git.test.example", "git.test.example"));
    expect(own.text.replace(/\s/g, "")).toBe(origin.certificate.replace(/\s/g, ""));
    const other = await inside(look("web.test.example", "git.test.example"));
    expect(other.text).toBe("");
    expect((await inside("cat /airlock/denied")).text).toContain("TLS for another name (git.test.example)");
  });

  it("tells who trusts other authorities why the connection fails", async () => {
    const { stderr } = await inside(`curl -sS --cacert authority.txt ${web()}/`);
    expect(stderr).toMatch(/certificate/i);
    await until(async () =>
      (await inside("cat /airlock/denied")).text.includes("does not trust the session's certificate"),
    );
  });
});

describe("the secret and the authority's key", () => {
  it("are nowhere in the sandbox", async () => {
    const script = `cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; cat /run/airlock/* ~/.* ./* 2>/dev/null; env`;
    const { text } = await inside(script);
    expect(text).toContain("BEGIN CERTIFICATE");
    expect([text.includes(secret), /PRIVATE KEY/.test(text)]).toEqual([false, false]);
    expect(
      (await inside("for f in /run/airlock/ca.pem /run/airlock/ca-bundle.pem; do echo x >> $f; rm -f $f; done")).stderr,
    ).toMatch(/denied|read-only/i);
    expect((await inside("cat /run/airlock/ca.pem")).text).toContain("BEGIN CERTIFICATE");
  });

  it("are in no file, journal or container of the host's", async () => {
    const found = filesBelow(lab.home).filter((path) => {
      const text = readFileSync(path, "latin1");
      return text.includes(secret) || /PRIVATE KEY/.test(text);
    });
    expect(found).toEqual([]);
    const ids = (await docker("ps", "-q", "--filter", `label=airlock.session=${session}`)).split("\n");
    expect(await docker("inspect", ...ids)).not.toContain(secret);
    const { stdout } = await lab.airlock(["status", session]);
    expect(stdout.toString()).toContain(`WEB_KEY, put in by the gate for web.test.example:${origin.https} alone`);
  });

  it("and a session without keys has neither certificate nor variable", async () => {
    const plain = await lab.start();
    const { stdout } = await lab.exec(plain, "env; ls /run/airlock");
    expect(stdout.toString()).not.toMatch(/SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|ca\.pem/);
  });
});

describe("a sandbox that is started again", () => {
  it("trusts a new authority, and is refused in words where the host has the secret no more", async () => {
    const before = (await inside("cat /run/airlock/ca.pem")).text;
    await docker(
      "kill",
      await docker(
        "ps",
        "-q",
        "--filter",
        `label=airlock.session=${session}`,
        "--filter",
        "label=airlock.role=sandbox",
      ),
    );
    const again = await inside(`curl -sS -H "X-Api-Key: $WEB_KEY" ${web()}/; cat /run/airlock/ca.pem`);
    expect(again.text, again.stderr).toContain("the host has no WEB_KEY any more");
    expect(again.text).toContain("BEGIN CERTIFICATE");
    expect(again.text).not.toContain(before);
  });
});
