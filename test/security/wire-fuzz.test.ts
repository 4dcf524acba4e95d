import { describe, expect, it } from "vitest";
import { Gate } from "../../src/gate/gate.js";
import { Rules } from "../../src/gate/rules.js";
import type { ConnectionRecord } from "../../src/model/network.js";
import { frameTypes } from "../../src/wire/frames.js";
import { Wire } from "../../src/wire/wire.js";
import { credit, data, end, open, openPayload, rawFrame, ready, reset } from "../unit/wire/hatch-end.js";

const frames = 1_000_000;
const mebibyte = 1024 ** 2;

/** Numbers that look random and are the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const requests = [
  "GET / HTTP/1.1\r\nHost: denied.example\r\n\r\n",
  "CONNECT denied.example:443 HTTP/1.1\r\n\r\n",
  "CONNECT allowed.example:25 HTTP/1.1\r\n\r\n",
  "\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50",
  "GET http://169.254.169.254/ HTTP/1.1\r\nHost: a\r\n\r\n",
];

function oneFrame(random: (below: number) => number, turn: number, oneIn: number): Buffer {
  const id = random(4) === 0 ? random(12) : 2 * turn + 1;
  const names = ["denied.example", "127.0.0.1", "0x7f.1", "allowed.example", "a".repeat(253)];
  const kinds: (() => Buffer)[] = [
    () => open(2 * turn + 1, names[random(names.length)], [25, 80, 443, 22][random(4)]),
    () => rawFrame(frameTypes.open, 2 * turn + 1, openPayload(2, 0, "")),
    () => data(id, requests[random(requests.length)] ?? ""),
    () => data(Math.max(1, 2 * turn - 1), requests[random(requests.length)] ?? ""),
    () => end(id),
    () => reset(id),
    () => credit(id, random(100_000)),
  ];
  const frame = (kinds[random(kinds.length)] ?? kinds[0])?.() ?? ready;
  // Some are damaged: a bit, a length, a type, a cut, or something appended.
  if (random(oneIn) > 0) return frame;
  const damaged = Buffer.from(frame);
  const at = random(damaged.length);
  damaged[at] = (damaged[at] ?? 0) ^ (1 << random(8));
  return random(3) === 0 ? damaged.subarray(0, 1 + random(damaged.length)) : damaged;
}

describe("a hatch that was replaced by hostile code", () => {
  it("never crashes the host, never makes it look up or open what is not allowed, and never fills its memory", async () => {
    const random = generator(20_261_123);
    const looked: string[] = [];
    const records: ConnectionRecord[] = [];
    const broken = new Set<unknown>();
    const before = process.memoryUsage().rss;
    let most = 0;
    let count = 0;
    const gate = new Gate({
      policy: {
        rules: () =>
          new Rules({
            mode: "policy",
            rules: [{ action: "allow", pattern: "allowed.example", origin: "t", until: null }],
          }),
        fixedAddress: () => undefined,
      },
      lookup: async (name) => {
        looked.push(name);
        return ["127.0.0.1", "169.254.169.254", "10.0.0.1"];
      },
      opened: () => undefined,
      record: (record) => {
        if (records.length < 100_000) records.push(record);
      },
      onAsk: () => undefined,
    });
    while (count < frames) {
      const wire: Wire = new Wire({ write: () => true, waiting: 0 }, [443], {
        onReady: () => undefined,
        onOpen: (stream) => gate.open(stream),
        onStuck: () => undefined,
      });
      try {
        wire.push(ready);
        // Early damage tries the parser, late damage what many streams have built up.
        const oneIn = random(2) === 0 ? 6 : 400;
        for (let turn = 0; turn < 2_000 && count < frames; turn += 1, count += 1)
          wire.push(oneFrame(random, turn, oneIn));
      } catch (error) {
        broken.add((error as { code?: string }).code);
      }
      wire.close();
      count += 1;
      most = Math.max(most, process.memoryUsage().rss);
      if (random(8) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    gate[Symbol.dispose]();
    expect([...broken]).toEqual(["E_WIRE_BROKEN"]);
    expect(new Set(looked)).toEqual(new Set(["allowed.example"]));
    expect(records.filter(({ address, decision }) => address !== null || decision === "allowed")).toEqual([]);
    expect((most - before) / mebibyte).toBeLessThan(256);
  }, 120_000);
});
