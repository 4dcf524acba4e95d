import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, Lab, until } from "../support/lab.js";
import { type OwnOrigin, startOwnOrigin } from "../support/own-origin.js";
import { attacks } from "./network-attacks.js";

let lab: Lab;
let origin: OwnOrigin;
let session: string;
let found: Readonly<Record<string, string>>;
let heard = 0;
const abstract = `airlock-test-${process.pid}`;
const servers: Server[] = [];

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
}

const literals = [
  ..."1.1.1.1 169.254.169.254 169.254.170.2 172.17.0.1 100.100.100.200 168.63.129.16".split(" "),
  ..."2852039166 0xA9FEA9FE 0251.0376.0251.0376 169.254.43518 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe".split(" "),
  ..."64:ff9b::a9fe:a9fe 2606:4700:4700::1111 metadata.google.internal host.docker.internal".split(" "),
];

const targets = [
  ..."2852039166:80 0xA9FEA9FE:80 0251.0376.0251.0376:80 169.254.43518:80 0:80 127.1:80 127.0.0.1:80".split(" "),
  ..."[::ffff:a9fe:a9fe]:80 [::1]:80 [fe80::1%25eth0]:80 [::]:80 169.254.169.254:80 metadata.google.internal:80".split(
    " ",
  ),
  ..."\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:80 127\u30020\u30020\u30021:80 web.test.example:25 web.test.example:22".split(
    " ",
  ),
  ..."web.test.example@evil.test.example:443 evil.test.example:443/../web.test.example:443 .web.test.example:443".split(
    " ",
  ),
  ..."web.test.example#.evil.example:443 xn--wb-bja.test.example:443 evilweb.test.example:443 *.test.example:443".split(
    " ",
  ),
  ..."web.test.example.evil.example:443 web.test.example:0 web.test.example:65536 web.test.example:+443".split(" "),
];

beforeAll(async () => {
  lab = new Lab();
  origin = await startOwnOrigin(join(lab.root, "origin"));
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const network = {
    hosts: {
      "web.test.example": "127.0.0.1",
      "inner.test.example": "127.0.0.1",
      "meta.test.example": "169.254.169.254",
    },
    allow: [`inner.test.example:${origin.http}`],
    allowPrivate: [
      `web.test.example:${origin.http}`,
      `meta.test.example:${origin.http}`,
      `web.test.example:${origin.https}`,
    ],
  };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network }));
  for (const place of [{ port: 0, host: "0.0.0.0" }, { path: `\0${abstract}` }]) {
    const server = createServer(() => (heard += 1));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(place, resolve));
  }
  session = await lab.start();
  lab.write("attacks.py", attacks);
  const hosts = [...literals, ...ownAddresses()].join(",");
  const { stdout, stderr } = await lab.airlock([
    "exec",
    session,
    "--",
    "python3",
    "attacks.py",
    hosts,
    abstract,
    targets.join(","),
  ]);
  try {
    found = JSON.parse(stdout.toString()) as typeof found;
  } catch {
    throw new Error(`the attacks did not end: ${stdout} ${stderr}`);
  }
});
afterAll(async () => {
  for (const server of servers) server.close();
  await lab[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

describe("an agent with a network by policy", () => {
  it.each(literals)("cannot connect to %s", (host) => {
    expect(found[`tcp ${host}`]).toMatch(/^(refused|403|closed)/);
  });

  it("cannot connect to this machine, nor hear it by an abstract socket", () => {
    for (const address of ownAddresses()) expect(found[`tcp ${address}`]).toMatch(/^refused/);
    expect(found["abstract"]).toMatch(/^refused/);
    expect(heard).toBe(0);
  });

  it.each(["udp", "udp6", "multicast", "raw", "packet", "vsock", "netlink route"])("has no %s", (what) => {
    expect(found[what]).toMatch(/^refused/);
  });

  it("gets an address that means nothing for every name, and no other record of anything", () => {
    const address = /^code 0 answers 1 127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+$/;
    expect(found["dns A"]).toMatch(address);
    expect(found["dns over tcp"]).toBe(found["dns A"]);
    for (const kind of ["AAAA", "HTTPS"]) expect(found[`dns ${kind}`]).toBe("code 0 answers 0 ");
    for (const kind of ["TXT", "SRV", "MX", "ANY", "NULL", "AXFR"])
      expect(found[`dns ${kind}`]).toBe("code 5 answers 0 ");
    expect(found["dns PTR"]).toBe("code 3 answers 0 ");
  });

  it("gets none for what is no name", () => {
    for (const name of ["NUL", "dot", "space"]) expect(found[`dns ${name}`]).toBe("code 3 answers 0 ");
    expect(found["dns 254 bytes"]).toBe("code 1 answers 0 ");
    expect(found["dns 255 bytes"]).toMatch(/^code 0/);
    expect(found["dns compressed"]).toMatch(/^code [13] answers 0 $/);
  });

  it.each(["kill", "stop", "ptrace", "read mem", "read environ", "read maps", "read exe", "steal input"])(
    "cannot touch the hatch: %s",
    (what) => {
      expect(found[what]).toMatch(/^refused/);
    },
  );

  it.each(["forge denied", "replace denied", "resolv.conf", "port 53", "port 443"])(
    "cannot take its place: %s",
    (what) => {
      expect(found[what]).toMatch(/^refused/);
    },
  );

  it("gains nothing by a hatch of its own", () => {
    // Every port is taken: 443, the proxy's and the resolver's.
    expect(found["second hatch"]).toBe("010301bb0c380035");
  });

  it.each(targets)("is refused %s by the proxy", (target) => {
    expect(found[`connect ${target}`]).toMatch(/^HTTP\/1\.1 (400|403) /);
  });

  it("is refused addresses by SOCKS", () => {
    expect(found["socks 7f000001"]).toMatch(/^socks 0500/);
    expect(found["socks a9fea9fe"]).toMatch(/^socks 0500/);
    expect(origin.seen).toEqual([]);
  });
});

describe("the gate", () => {
  const inside = async (script: string): Promise<string> => (await lab.exec(session, script)).stdout.toString();

  it("does not follow an allowed name to this machine, unless the rule says so", async () => {
    expect(await inside(`curl -s http://inner.test.example:${origin.http}/`)).toContain(
      "it leads to a private address",
    );
    expect(await inside(`curl -s http://web.test.example:${origin.http}/`)).toBe("hello from the origin\n");
  });

  it("never goes to a metadata service, even where the rule allows private addresses", async () => {
    expect(await inside(`curl -s http://meta.test.example:${origin.http}/`)).toContain("never connected to");
  });

  it("lets TLS go nowhere but to the name that was allowed", async () => {
    const script = `echo | openssl s_client -connect web.test.example:${origin.https} -servername other.test.example 2>&1 | grep -c 'access denied'`;
    expect(await inside(script)).toBe("1\n");
  });

  it("lets no second request on a connection go to another host", async () => {
    const request = (host: string) => `GET / HTTP/1.1\\r\\nHost: ${host}\\r\\n\\r\\n`;
    const script = `
import socket, time
s = socket.create_connection(("web.test.example", ${origin.http}))
s.sendall(b"${request(`web.test.example:${origin.http}`)}")
time.sleep(0.5)
s.sendall(b"${request("other.test.example")}")
time.sleep(0.5)
print(s.recv(5000).decode())`;
    lab.write("second.py", script);
    const answer = await inside("python3 second.py");
    expect(answer).toContain("hello from the origin");
    expect(answer).toContain("403 Forbidden");
    expect(origin.seen.filter((line) => line.startsWith("other"))).toEqual([]);
  });
});

describe("a hatch that dies", () => {
  it("leaves the sandbox sealed, and gets a successor without a restart of the sandbox", async () => {
    const [container = ""] = (await docker("ps", "-q", "--filter", `label=airlock.session=${session}`)).split("\n");
    const inside = async (script: string): Promise<string> => (await lab.exec(session, script)).stdout.toString();
    const before = await inside("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1");
    await docker("exec", "-u", "61184:61184", container, "sh", "-c", "kill -9 $(pgrep -x hatch)");
    expect(await inside("getent hosts web.test.example || echo sealed")).toBe("sealed\n");
    await until(
      async () => (await inside(`curl -s http://web.test.example:${origin.http}/`)) === "hello from the origin\n",
      300,
    );
    expect(await inside("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")).toBe(before);
    const { stdout } = await lab.airlock(["network", "log", session]);
    expect(stdout.toString()).toMatch(/lost .*\n.*back /);
  });
});
