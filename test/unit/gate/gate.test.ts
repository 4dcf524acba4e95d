import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Gate } from "../../../src/gate/gate.js";
import { Rules } from "../../../src/gate/rules.js";
import type {
  ConnectionRecord,
  NetworkMode,
  NetworkRule,
  OpenedConnection,
  RuleAction,
} from "../../../src/model/network.js";
import { firstCredit, frameTypes } from "../../../src/wire/frames.js";
import { Wire } from "../../../src/wire/wire.js";
import { data, end, framesOf, open, openPayload, rawFrame, ready, reset } from "../wire/hatch-end.js";
import { hello, nameExtension } from "./hellos.js";

const rule = (action: RuleAction, pattern: string): NetworkRule => ({ action, pattern, origin: "test", until: null });

/** A server on this machine that keeps what it hears. */
class Echo {
  heard = Buffer.alloc(0);
  connections = 0;
  sockets: Socket[] = [];
  readonly server: Server;

  constructor(reads = true) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.connections += 1;
      this.sockets.push(socket);
      socket.on("error", () => undefined);
      if (!reads) socket.pause();
      else
        socket.on("data", (chunk: Buffer) => {
          this.heard = Buffer.concat([this.heard, chunk]);
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
      socket.on("end", () => socket.end());
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
}

/** A gate whose sandbox is the test. */
class GateLab {
  rules: NetworkRule[] = [];
  mode: NetworkMode = "policy";
  readonly addresses = new Map<string, readonly string[]>();
  readonly looked: string[] = [];
  readonly proofs = new Set<string>();
  idle = 0;
  readonly opened: OpenedConnection[] = [];
  readonly records: ConnectionRecord[] = [];
  readonly asked: string[] = [];
  readonly wire: Wire;
  readonly gate: Gate;
  #sent = Buffer.alloc(0);

  constructor() {
    this.gate = new Gate({
      policy: { rules: () => new Rules({ mode: this.mode, rules: this.rules }), fixedAddress: () => undefined },
      lookup: async (name) => {
        this.looked.push(name);
        return this.addresses.get(name) ?? [];
      },
      opened: (opened) => this.opened.push(opened),
      record: (record) => this.records.push(record),
      proofs: this.proofs,
      onIdle: () => {
        this.idle += 1;
      },
      onAsk: ({ name, port }) => this.asked.push(`${name}:${port}`),
    });
    this.wire = new Wire(
      {
        write: (...parts) => {
          this.#sent = Buffer.concat([this.#sent, ...parts]);
          return true;
        },
        waiting: 0,
      },
      [],
      { onReady: () => undefined, onOpen: (stream) => this.gate.open(stream), onStuck: () => undefined },
    );
    this.wire.push(ready);
  }

  push(...frames: Buffer[]): void {
    for (const frame of frames) this.wire.push(frame);
  }

  /** Every byte that the gate sent to a stream. */
  received(id: number): string {
    const frames = framesOf(this.#sent).filter((frame) => frame.id === id && frame.type === frameTypes.data);
    return Buffer.concat(frames.map(({ payload }) => payload)).toString("latin1");
  }

  wasReset(id: number): boolean {
    return framesOf(this.#sent).some((frame) => frame.id === id && frame.type === frameTypes.reset);
  }

  /** How much more the gate let a stream send. */
  granted(id: number): number {
    const frames = framesOf(this.#sent).filter((frame) => frame.id === id && frame.type === frameTypes.window);
    return frames.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
  }

  explained(id: number): string {
    const frame = framesOf(this.#sent).find((each) => each.id === id && each.type === frameTypes.refused);
    return frame?.payload.toString() ?? "";
  }
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function echo(reads = true): Promise<Echo> {
  const made = new Echo(reads);
  made.server.listen(0, "127.0.0.1");
  await once(made.server, "listening");
  closers.push(() => {
    for (const socket of made.sockets) socket.destroy();
    made.server.close();
  });
  return made;
}

function lab(): GateLab {
  const made = new GateLab();
  closers.push(() => {
    made.wire.close();
    made.gate[Symbol.dispose]();
  });
  return made;
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !what(); tries += 1) await sleep(10);
  expect(what()).toBe(true);
}

const request = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const proxy = (id: number): Buffer => rawFrame(frameTypes.open, id, openPayload(2, 0, ""));

describe("a connection through the gate", () => {
  it("reaches a host that a rule allows, and is recorded with what passed", async () => {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", `a.example:${server.port}`)];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    bed.push(open(1, "a.example", server.port), data(1, request(`a.example:${server.port}`)));
    await until(() => bed.received(1).endsWith("ok"));
    expect(bed.opened).toMatchObject([{ name: "a.example", address: "127.0.0.1", connection: 1 }]);
    expect(bed.records).toEqual([]);
    bed.push(end(1));
    await until(() => bed.records.length === 1);
    expect(bed.records[0]).toMatchObject({
      connection: 1,
      name: "a.example",
      port: server.port,
      via: "direct",
      address: "127.0.0.1",
      decision: "allowed",
      rule: `allowPrivate a.example:${server.port} (test)`,
      reason: null,
      bytesOut: request(`a.example:${server.port}`).length,
      bytesIn: 40,
    });
  });

  it.each([
    ["no rule allows", [], "a.example"],
    ["a rule denies", [rule("allow", "a.example:*"), rule("deny", "a.example")], "a.example"],
    ["is an address in disguise", [rule("allow", "**.example.com:*")], "0x7f.1"],
    ["is an address", [rule("allow", "**.example.com:*")], "127.0.0.1"],
  ])("that %s is not even looked up", async (_, rules, name) => {
    const bed = lab();
    bed.rules = rules;
    bed.push(open(1, name, 80), data(1, request(name)));
    await until(() => bed.received(1) !== "");
    expect(bed.received(1)).toMatch(/^HTTP\/1.1 403 .*the network policy refused/s);
    expect(bed.explained(1)).toContain("denied");
    expect(bed.looked).toEqual([]);
    bed.push(end(1));
    await until(() => bed.records.length === 1);
    expect(bed.records[0]).toMatchObject({ decision: "denied", bytesOut: 0 });
    expect(bed.opened).toEqual([]);
  });

  it("neither records nor tells of a proof, once", async () => {
    const bed = lab();
    bed.proofs.add("a.example");
    for (const id of [1, 3]) {
      bed.push(open(id, "a.example", 80), data(id, request("a.example")));
      await until(() => bed.received(id) !== "");
      bed.push(end(id));
    }
    await until(() => bed.records.length === 1);
    expect([bed.explained(1), bed.explained(3)]).toEqual(["", expect.stringContaining("denied")]);
  });

  it("is followed, once, by word that nothing is connected any more", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "Date"] });
    try {
      const bed = lab();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(bed.idle).toBe(0);
      bed.push(open(1, "a.example", 80), data(1, request("a.example")));
      await until(() => bed.received(1) !== "");
      await vi.advanceTimersByTimeAsync(2_000);
      expect(bed.idle).toBe(0);
      bed.push(end(1));
      await vi.advanceTimersByTimeAsync(60_000);
      expect(bed.idle).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("over SSH is disconnected with the reason, in whole packets", async () => {
    const bed = lab();
    bed.push(open(1, "a.example", 22));
    await until(() => bed.received(1) !== "");
    const [, packet = ""] = /SSH-2\.0-airlock\r\n(.*)$/s.exec(bed.received(1)) ?? [];
    const bytes = Buffer.from(packet, "latin1");
    expect([bytes.length % 8, bytes.readUInt32BE(0)]).toEqual([0, bytes.length - 4]);
    expect([bytes.readUInt8(4) >= 4, bytes.readUInt8(5)]).toEqual([true, 1]);
    expect(bytes.toString("latin1", 14, 14 + bytes.readUInt32BE(10))).toMatch(/^airlock: .*a\.example:22 \(no rule/);
  });

  it.each([
    ["127.0.0.1"],
    ["10.0.0.1"],
    ["169.254.169.254"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["100.64.0.1"],
    ["0.0.0.0"],
    ["fd00:ec2::254"],
  ])("does not follow an allowed name to %s", async (address) => {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("allow", "**.example.com:*")];
    bed.addresses.set("a.example.com", [address]);
    bed.push(open(1, "a.example.com", server.port), data(1, request("a.example.com")));
    await until(() => bed.explained(1) !== "");
    expect(bed.explained(1)).toContain("it leads to");
    expect(server.connections).toBe(0);
  });

  it("connects to the address that was checked and never to metadata, even where private is allowed", async () => {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", "a.example:*")];
    bed.addresses.set("a.example", ["169.254.169.254", "127.0.0.1"]);
    bed.push(open(1, "a.example", server.port), data(1, request("a.example")));
    await until(() => bed.received(1) !== "");
    expect(server.connections).toBe(1);
  });

  it("looks a name up once for many connections: a second answer cannot lead elsewhere", async () => {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", "a.example:*")];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    for (const id of [1, 3, 5]) bed.push(open(id, "a.example", server.port), data(id, request("a.example")));
    await until(() => server.connections === 3);
    expect(bed.looked).toEqual(["a.example"]);
  });

  it("ends at another TLS name without a byte having left", async () => {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", "a.example:*")];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    bed.push(open(1, "a.example", server.port), data(1, hello([nameExtension("b.example")], 20)));
    await until(() => bed.received(1) !== "");
    expect(bed.received(1)).toBe("\x15\x03\x03\x00\x02\x021");
    await sleep(100);
    expect(server.heard.length).toBe(0);
  });

  it("ends at a second request for another host, and the first was answered", async () => {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", "a.example:*")];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    bed.push(open(1, "a.example", server.port), data(1, request("a.example")));
    await until(() => bed.received(1).endsWith("ok"));
    bed.push(data(1, request("b.example")));
    await until(() => bed.received(1).includes("403"));
    expect(server.heard.toString()).not.toContain("b.example");
  });

  it("holds no more of an upload than the credit when the server does not read", async () => {
    const [server, bed] = [await echo(false), lab()];
    bed.rules = [rule("private", "a.example:*")];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    const piece = Buffer.alloc(65_536, 0);
    let sent = 0;
    let more = firstCredit;
    bed.push(open(1, "a.example", server.port));
    for (let turn = 0; turn < 200; turn += 1) {
      for (; sent + piece.length <= more; sent += piece.length) bed.push(data(1, piece));
      await sleep(2);
      more = firstCredit + bed.granted(1);
    }
    // What the kernel's buffers take on the way is not ours to hold.
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });

  it("is over when the sandbox breaks it off, and when the wire goes", async () => {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", "a.example:*")];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    bed.push(open(1, "a.example", server.port), open(3, "a.example", server.port));
    await until(() => server.connections === 2);
    bed.push(reset(1));
    bed.wire.close();
    await until(
      () =>
        bed.records.length === 2 && server.sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded),
    );
  });

  it("waits for a person where the policy asks, and passes once allowed", async () => {
    const [server, bed] = [await echo(), lab()];
    bed.mode = "ask";
    bed.addresses.set("a.example", ["127.0.0.1"]);
    bed.push(open(1, "a.example", server.port), data(1, request("a.example")), open(3, "a.example", server.port));
    await until(() => bed.asked.length > 0);
    expect(bed.asked).toEqual([`a.example:${server.port}`]);
    expect(server.connections).toBe(0);
    bed.rules = [rule("private", "a.example:*")];
    await until(() => bed.received(1).endsWith("ok"));
  });

  it("gives up a client that never says what it wants", async () => {
    const now = Date.now();
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", "a.example:*")];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    bed.push(
      open(1, "a.example", 80),
      data(1, "GET / HT"),
      open(3, "a.example", server.port),
      proxy(5),
      data(5, "CONN"),
    );
    await sleep(50);
    vi.spyOn(Date, "now").mockReturnValue(now + 40_000);
    await until(() => bed.wasReset(1) && bed.wasReset(5));
    expect(bed.wasReset(3)).toBe(false);
    vi.mocked(Date.now).mockReturnValue(now + 31 * 60_000);
    await until(() => bed.wasReset(3));
    vi.restoreAllMocks();
  });

  it("lets no flood of names under a wildcard be looked up", async () => {
    const bed = lab();
    bed.rules = [rule("allow", "*.example.com:*")];
    for (let index = 0; index < 400; index += 1) bed.push(open(2 * index + 1, `secret${index}.example.com`, 443));
    await sleep(50);
    expect(bed.looked.length).toBeLessThanOrEqual(202);
    expect(bed.explained(2 * 350 + 1)).toContain("too many new names");
  });
});

describe("a client of the proxy", () => {
  async function allowed(): Promise<readonly [Echo, GateLab]> {
    const [server, bed] = [await echo(), lab()];
    bed.rules = [rule("private", `a.example:${server.port}`)];
    bed.addresses.set("a.example", ["127.0.0.1"]);
    return [server, bed];
  }

  it("gets a tunnel by CONNECT, and what it says in it is still looked at", async () => {
    const [server, bed] = await allowed();
    bed.push(proxy(1), data(1, `CONNECT a.example:${server.port} HTTP/1.1\r\nHost: evil\r\n\r\n`));
    await until(() => bed.received(1).includes("200 Connection established\r\n\r\n"));
    bed.push(data(1, request("a.example")));
    await until(() => bed.received(1).endsWith("ok"));
    bed.push(data(1, request("b.example")));
    await until(() => bed.received(1).includes("403"));
    expect(server.heard.toString()).toBe(request("a.example"));
    bed.push(end(1));
    await until(() => bed.records.length === 1);
    expect(bed.records[0]).toMatchObject({ via: "proxy", name: "a.example", decision: "denied" });
  });

  it("gets a tunnel by SOCKS, by name, however the bytes come", async () => {
    const [server, bed] = await allowed();
    const name = Buffer.from("a.example");
    const bytes = Buffer.concat([
      Buffer.from([5, 2, 0, 2, 5, 1, 0, 3, name.length]),
      name,
      Buffer.from([server.port >> 8, server.port & 255]),
    ]);
    bed.push(proxy(1));
    for (const byte of bytes) bed.push(data(1, Buffer.from([byte])));
    await until(() => bed.received(1).length >= 12);
    expect(bed.received(1)).toBe("\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00");
    bed.push(data(1, request("a.example")));
    await until(() => bed.received(1).endsWith("ok"));
  });

  it("has one plain request sent on, with the Host of its target and nothing that is the proxy's", async () => {
    const [server, bed] = await allowed();
    const target = `http://a.example:${server.port}/x?y`;
    const text = `GET ${target} HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: secret\r\nX: z\r\n\r\n`;
    bed.push(proxy(1), data(1, text));
    await until(() => bed.received(1).endsWith("ok"));
    expect(server.heard.toString()).toBe(
      `GET /x?y HTTP/1.1\r\nx: z\r\nhost: a.example:${server.port}\r\nconnection: close\r\n\r\n`,
    );
  });

  it.each([
    ["a port that is not allowed", "CONNECT a.example:25 HTTP/1.1\r\n\r\n", "403"],
    ["an address", "CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n", "403"],
    ["an address in disguise", "CONNECT 2130706433:80 HTTP/1.1\r\n\r\n", "400"],
    ["an IPv6 address", "CONNECT [::ffff:127.0.0.1]:80 HTTP/1.1\r\n\r\n", "403"],
    ["a user", "CONNECT a.example@b.example:443 HTTP/1.1\r\n\r\n", "400"],
    ["a path", "CONNECT b.example:443/a.example:443 HTTP/1.1\r\n\r\n", "400"],
    ["two hosts", "GET http://a.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"],
    ["no target", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "400"],
    ["https to be made by the proxy", "GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400"],
  ])("is refused %s", async (_, text, status) => {
    const [server, bed] = await allowed();
    bed.push(proxy(1), data(1, `${text}early`));
    await until(() => bed.received(1) !== "");
    expect(bed.received(1)).toContain(`HTTP/1.1 ${status} `);
    expect(server.connections).toBe(0);
    expect(bed.looked).toEqual([]);
  });

  it("is told by SOCKS what is refused", async () => {
    const [, bed] = await allowed();
    bed.push(proxy(1), data(1, Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80])));
    await until(() => bed.received(1).length >= 12);
    expect(bed.received(1).charCodeAt(3)).toBe(2);
    bed.push(proxy(3), data(3, Buffer.from([5, 1, 2])));
    await until(() => bed.received(3).length >= 2);
    expect(bed.received(3)).toBe("\x05\xff");
  });
});
