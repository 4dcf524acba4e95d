import { mkdirSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Result } from "../support/cli.js";
import { Lab, until } from "../support/lab.js";
import { freePort } from "../support/own-engine.js";
import { type OwnOrigin, startOwnOrigin } from "../support/own-origin.js";

let lab: Lab;
let origin: OwnOrigin;
let session: string;

interface Line {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

beforeAll(async () => {
  lab = new Lab();
  origin = await startOwnOrigin(join(lab.root, "origin"));
  lab.write("authority.txt", origin.certificate);
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const rules = [
    `web.test.example:${origin.http}`,
    `web.test.example:${origin.https}`,
    `web.test.example:${origin.ssh}`,
  ];
  const network = {
    hosts: { "web.test.example": "127.0.0.1", "git.test.example": "127.0.0.1" },
    allowPrivate: [...rules, `git.test.example:${origin.https}`],
  };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network }));
  session = await lab.start();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

const inside = (script: string): Promise<Result> => lab.exec(session, script);
const web = (): string => `http://web.test.example:${origin.http}`;
const secure = (): string => `https://web.test.example:${origin.https}`;

async function connections(): Promise<Line[]> {
  const { stdout } = await lab.airlock(["network", "log", session, "--json"]);
  const lines = stdout.toString().trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Line).filter(({ kind }) => kind === "network.connection");
}

describe("unmodified programs inside", () => {
  it.each<[string, () => string]>([
    ["curl over http", () => `curl -sS ${web()}/`],
    ["curl over https", () => `curl -sS --cacert authority.txt ${secure()}/`],
    ["curl over HTTP/1.0, and by the proxy", () => `curl -sS -0 -x $AIRLOCK_PROXY ${web()}/`],
    ["curl by a tunnel of the proxy", () => `curl -sS --cacert authority.txt -x $AIRLOCK_PROXY ${secure()}/`],
    ["curl by SOCKS", () => `curl -sS -x socks5h://127.0.0.1:3128 ${web()}/`],
    ["curl that offers HTTP/2 in the clear", () => `curl -sS --http2 ${web()}/`],
    [
      "Node's fetch",
      () =>
        `NODE_EXTRA_CA_CERTS=$PWD/authority.txt node -e 'fetch("${secure()}/").then(r=>r.text()).then(t=>process.stdout.write(t))'`,
    ],
    [
      "Python's urllib",
      () =>
        `SSL_CERT_FILE=$PWD/authority.txt python3 -c 'import urllib.request as u; print(u.urlopen("${secure()}/").read().decode(), end="")'`,
    ],
    [
      "openssl",
      () =>
        `printf 'GET / HTTP/1.0\\r\\nHost: web.test.example\\r\\n\\r\\n' | openssl s_client -quiet -verify_quiet -CAfile authority.txt -connect web.test.example:${origin.https} -servername web.test.example 2>/dev/null | tail -1`,
    ],
  ])("%s", async (_, script) => {
    const { code, stdout, stderr } = await inside(script());
    expect({ code, stdout: stdout.toString(), stderr }).toMatchObject({ code: 0, stdout: "hello from the origin\n" });
  });

  it("git clones over https", async () => {
    const { stdout, stderr } = await inside(
      `git -c http.sslCAInfo=$PWD/authority.txt clone -q https://git.test.example:${origin.https}/repo.git /tmp/clone && cat /tmp/clone/file.txt`,
    );
    expect(stdout.toString() + stderr).toBe("from git\n");
  });

  it("a server that speaks first is heard first", async () => {
    const script = `import socket; s=socket.create_connection(("web.test.example", ${origin.ssh})); print(s.recv(99)); s.sendall(b"SSH-2.0-me"); print(s.recv(99))`;
    const { stdout } = await inside(`python3 -c '${script}'`);
    expect(stdout.toString()).toBe("b'SSH-2.0-test\\r\\n'\nb'you said SSH-2.0-me'\n");
  });

  it("a WebSocket, plain and over TLS", async () => {
    const script = (url: string): string =>
      `NODE_EXTRA_CA_CERTS=$PWD/authority.txt node -e 'const s=new WebSocket("${url}"); s.onmessage=e=>{console.log(e.data); process.exit()}; s.onerror=()=>process.exit(1)'`;
    const plain = await inside(script(`ws://web.test.example:${origin.http}/`));
    const tls = await inside(script(`wss://web.test.example:${origin.https}/`));
    expect([plain.stdout.toString(), tls.stdout.toString()]).toEqual(["hello\n", "hello\n"]);
  });

  it("a large download and a large upload arrive whole", async () => {
    const size = 200_000_000;
    const { stdout } = await inside(
      `curl -sS ${web()}/bytes/${size} | wc -c; head -c ${size} /dev/zero | curl -sS -X POST -H 'Expect:' -T - ${web()}/upload`,
    );
    expect(stdout.toString()).toBe(`${size}\n${size}\n`);
  });

  it("two hundred connections at once, one of them slow", async () => {
    const script = `
import concurrent.futures as f, urllib.request as u, socket, time
slow = socket.create_connection(("web.test.example", ${origin.http}))
slow.sendall(b"GET /bytes/50000000 HTTP/1.1\\r\\nHost: web.test.example:${origin.http}\\r\\n\\r\\n")
with f.ThreadPoolExecutor(200) as pool:
  print(sum(pool.map(lambda _: len(u.urlopen("${web()}/").read()), range(1000))))
got = 0
while got < 50000000:
  got += len(slow.recv(1 << 20))
print("slow", got >= 50000000)`;
    lab.write("many.py", script);
    const { stdout, stderr } = await inside("python3 many.py");
    expect(stdout.toString() + stderr).toBe(`${22 * 1000}\nslow True\n`);
  });
});

describe("everything else", () => {
  it("is denied in the client's own language, with the reason and where to read it", async () => {
    const { stdout } = await inside(`curl -sS http://evil.test.example/; tail -1 /airlock/denied`);
    expect(stdout.toString()).toMatch(
      /^airlock: the network policy refused evil\.test\.example:80 \(no rule allows it\)\n\S+ denied: evil\.test\.example:80 no rule allows it\n$/,
    );
    const tls = await inside("curl -sS https://evil.test.example/");
    expect(tls.stderr).toMatch(/alert access denied/);
  });

  it("changes with airlock network while the session runs", async () => {
    const ask = () => inside(`curl -s -o /dev/null -w '%{http_code}' http://git.test.example:${origin.http}/`);
    expect((await ask()).stdout.toString()).not.toBe("200");
    expect((await lab.airlock(["network", "allow", "git.test.example:81", "--session", session])).code).toBe(0);
    const shown = await lab.json<{ rules: { pattern: string }[] }>(["network", "show", session, "--json"]);
    expect(shown.rules.map(({ pattern }) => pattern)).toContain("git.test.example:81");
    expect((await lab.airlock(["network", "deny", "web.test.example", "--for", "1m", "--session", session])).code).toBe(
      0,
    );
    const denied = await inside(`curl -s ${web()}/`);
    expect(denied.stdout.toString()).toContain("deny web.test.example (airlock network)");
    await lab.airlock(["network", "deny", "web.test.example", "--for", "1s", "--session", session]);
    await until(async () => (await inside(`curl -s ${web()}/`)).stdout.toString() === "hello from the origin\n", 500);
  });

  it("is in the journal, a line for each connection", async () => {
    await inside(`curl -s ${web()}/`);
    await until(async () => (await connections()).length > 5);
    const [line] = (await connections()).filter(({ data }) => data["decision"] === "allowed").slice(-1);
    expect(line?.data).toMatchObject({
      name: "web.test.example",
      port: origin.http,
      address: "127.0.0.1",
      reason: null,
    });
    expect((await lab.airlock(["log", session, "--verify"])).code).toBe(0);
  });

  it("shows a connection that is still open", async () => {
    const script = `import socket, time; s=socket.create_connection(("web.test.example", ${origin.ssh})); s.recv(99); print("here", flush=True); time.sleep(60)`;
    const client = lab.spawn(["exec", session, "--", "python3", "-c", script]);
    let said = "";
    client.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(() => said.includes("here"));
    // Others of the tests before are half closed, and their servers have not noticed.
    const open = async (): Promise<string[]> =>
      (await lab.airlock(["network", "log", session, "--open"])).stdout
        .toString()
        .split("\n")
        .filter((line) => line.includes(`  opened    web.test.example:${origin.ssh}  127.0.0.1  [allowPrivate `));
    await until(async () => (await open()).length === 1);
    client.kill("SIGTERM");
    await until(async () => (await open()).length === 0, 500);
  });

  it("was proved before anything was connected, and says no more of that", async () => {
    const { stdout } = await lab.airlock(["network", "log", session, "--json"]);
    const [first] = stdout.toString().split("\n");
    expect(JSON.parse(first ?? "")).toMatchObject({ kind: "network.open", data: { mode: "policy", proved: true } });
    expect(stdout.toString()).not.toContain("self-test");
    expect((await inside("cat /airlock/denied")).stdout.toString()).not.toContain("self-test");
  });

  it("a session without a word about it has no network, no resolver and no hatch", async () => {
    const { stdout } = await lab.airlock([
      ..."run --network none --on-exit discard -- sh -c".split(" "),
      "getent hosts web.test.example || echo nobody; ps ax | grep -c '[h]atch'",
    ]);
    expect(stdout.toString()).toBe("nobody\n0\n");
  });
});

describe("into the sandbox", () => {
  it("airlock forward opens a port of this machine to one inside, until it is ended", async () => {
    const server = lab.spawn(["exec", session, "--", "python3", "-m", "http.server", "3000", "--bind", "127.0.0.1"]);
    const port = await freePort();
    const forward = lab.spawn(["forward", `3000:${port}`, "--session", session]);
    let said = "";
    forward.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(() => said.includes("leads to port 3000"));
    const body = await new Promise<string>((resolve, reject) => {
      const attempt = (left: number): void => {
        get(
          { port, host: "127.0.0.1", path: "/src/b.txt", agent: false },
          (response) => void text(response).then(resolve),
        ).on("error", (error) => (left > 0 ? void setTimeout(() => attempt(left - 1), 200) : reject(error)));
      };
      attempt(30);
    });
    expect(body).toBe("bee\n");
    forward.kill("SIGINT");
    server.kill("SIGKILL");
    await until(() => forward.exitCode !== null || forward.signalCode !== null);
  });
});
