import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KeeperClient } from "../../src/workspace/keeper-client.js";
import { connectResident } from "../../src/workspace/resident-keeper.js";
import { attributes, mayTest, python } from "./store-fixture.js";

const program = new URL("../../keeper/server.py", import.meta.url).pathname;
const session = { session: "one", record: {}, layers: [{ name: "workspace", ...attributes }], masks: {} };

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what() && tries < 500; tries += 1) await sleep(10);
  expect(what()).toBe(true);
}

/** A resident keeper on a store of its own, as its container starts it. */
class Resident implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "airlock-resident-"));
  readonly folder: string;
  readonly #clients: KeeperClient[] = [];
  #server: ReturnType<typeof spawn>;

  constructor(name = "socket", uid = 0) {
    this.folder = join(this.root, name);
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    chownSync(this.folder, uid, uid);
    mkdirSync(join(this.root, "store"));
    this.#server = this.start();
  }

  get socket(): string {
    return join(this.folder, "keeper.sock");
  }

  get pid(): number {
    return this.#server.pid ?? 0;
  }

  start(folder = this.folder): ReturnType<typeof spawn> {
    this.#server = spawn("python3", ["-I", "-S", "-B", program, folder, join(this.root, "store")], { stdio: "ignore" });
    return this.#server;
  }

  async ready(): Promise<void> {
    await until(() => existsSync(this.socket));
  }

  async kill(signal: NodeJS.Signals): Promise<NodeJS.Signals | number | null> {
    const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
      this.#server.once("exit", (code, by) => resolve(code ?? by)),
    );
    this.#server.kill(signal);
    return await ended;
  }

  signal(name: NodeJS.Signals): void {
    this.#server.kill(name);
  }

  async find(uid = 0): Promise<KeeperClient | null> {
    const client = await connectResident(this.folder, uid);
    if (client !== null) this.#clients.push(client);
    return client;
  }

  async connect(): Promise<KeeperClient> {
    const client = await this.find();
    if (client === null) throw new Error("nobody answers");
    return client;
  }

  /** The processes that serve connections. */
  children(): string[] {
    return readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, "utf8").split(" ").filter(Boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    if (this.#server.exitCode === null && this.#server.signalCode === null) await this.kill("SIGKILL");
    rmSync(this.root, { recursive: true, force: true });
  }
}

describe.skipIf(!mayTest)("the resident keeper (as root)", { timeout: 60_000 }, () => {
  let resident: Resident;

  beforeEach(async () => {
    resident = new Resident();
    await resident.ready();
  });

  afterEach(async () => {
    await resident[Symbol.asyncDispose]();
  });

  it("serves each connection by a process of its own, and all of them see one store", async () => {
    const clients = await Promise.all([resident.connect(), resident.connect(), resident.connect()]);
    expect(resident.children().length).toBe(3);
    await clients[0]?.createSession(session);
    for (const client of clients) expect(await client.listSessions()).toEqual(["one"]);
  });

  it("ends a connection's process when the connection ends, also in the middle of a watch", async () => {
    const client = await resident.connect();
    await client.createSession(session);
    for await (const { bytes } of client.watch({ session: "one", intervalMs: 10, limitBytes: 1 << 30 })) {
      expect(bytes).toBe(0);
      break;
    }
    expect(resident.children().length).toBe(1);
    await client[Symbol.asyncDispose]();
    await until(() => resident.children().length === 0);
  });

  it("ends a connection's process when the program at its other end is killed", async () => {
    const other = spawn("python3", [
      "-c",
      `import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); time.sleep(600)`,
      resident.socket,
    ]);
    await until(() => resident.children().length === 1);
    other.kill("SIGKILL");
    await until(() => resident.children().length === 0);
  });

  it("goes on when one connection breaks the protocol or its process is killed", async () => {
    python(
      `s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"\\xff" * 64)
assert b"bad_request" in s.recv(4096), "not refused"; assert s.recv(4096) == b"", "not closed"`,
      resident.socket,
    );
    const [victim, other] = [await resident.connect(), await resident.connect()];
    const [first] = resident.children();
    process.kill(Number(first), "SIGKILL");
    await expect(victim.listSessions()).rejects.toThrow("the keeper");
    expect(await other.listSessions()).toEqual([]);
    expect(await (await resident.connect()).listSessions()).toEqual([]);
  });

  it("is no keeper any more once it is killed, and takes its stale socket's place when it is started again", async () => {
    await resident.kill("SIGKILL");
    expect(existsSync(resident.socket)).toBe(true);
    expect(await resident.find()).toBe(null);
    const { ino } = lstatSync(resident.socket);
    resident.start();
    await until(() => lstatSync(resident.socket).ino !== ino);
    expect(await (await resident.connect()).listSessions()).toEqual([]);
    expect(readdirSync(resident.folder)).toEqual(["keeper.sock"]);
  });

  it("is no keeper while it is frozen, and nobody waits for it for long", async () => {
    resident.signal("SIGSTOP");
    const began = Date.now();
    expect(await resident.find()).toBe(null);
    expect(Date.now() - began).toBeLessThan(10_000);
    resident.signal("SIGCONT");
    await resident.connect();
  });

  it("ends when it is told to", async () => {
    expect(await resident.kill("SIGTERM")).toBe(0);
  });

  it("keeps its container open where it cannot make a socket", async () => {
    await resident.kill("SIGTERM");
    const server = resident.start(join(resident.root, "nowhere"));
    await sleep(500);
    expect(server.exitCode).toBe(null);
    expect(await resident.kill("SIGTERM")).toBe(0);
  });

  it("serves only the folder's owner and root, whatever the modes of folder and socket became", async () => {
    chmodSync(resident.root, 0o755);
    chmodSync(resident.folder, 0o777);
    chmodSync(resident.socket, 0o666);
    const ask = (uid: number): string =>
      python(
        `os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
try:
    s.sendall(bytes([0, 0, 0, 15]) + b'J{"op":"hello"}'); print(len(s.recv(4096)) > 0)
except OSError: print(False)`,
        resident.socket,
        String(uid),
      ).trim();
    expect([ask(0), ask(1234)]).toEqual(["True", "False"]);
  });
});

describe.skipIf(!mayTest)("finding a resident keeper (as root)", { timeout: 60_000 }, () => {
  it("gives the socket to the folder's owner, for whom the state folder is", async () => {
    await using resident = new Resident("socket", 4321);
    await resident.ready();
    const { mode, uid, gid } = lstatSync(resident.socket);
    expect([mode & 0o777, uid, gid]).toEqual([0o600, 4321, 4321]);
    expect(await resident.find(4321)).not.toBe(null);
  });

  it("works where the socket's path is longer than an address can be", async () => {
    await using resident = new Resident("l".repeat(200));
    // As in its container, where the folder has a short name.
    await resident.kill("SIGTERM");
    const short = join(resident.root, "s");
    execFileSync("ln", ["-s", resident.folder, short]);
    resident.start(short);
    await resident.ready();
    expect(resident.socket.length).toBeGreaterThan(108);
    expect(await (await resident.connect()).listSessions()).toEqual([]);
  });

  it("trusts no folder that others may enter, that is somebody else's or a link", async () => {
    await using resident = new Resident();
    await resident.ready();
    chmodSync(resident.folder, 0o755);
    expect(await resident.find()).toBe(null);
    chmodSync(resident.folder, 0o700);
    expect(await resident.find(1234)).toBe(null);
    const link = join(resident.root, "link");
    execFileSync("ln", ["-s", resident.folder, link]);
    expect(await connectResident(link, 0)).toBe(null);
    expect(await connectResident(join(resident.root, "missing"), 0)).toBe(null);
    expect(await resident.find()).not.toBe(null);
  });
});
