import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstCredit, frameTypes, maxCredit, maxStreams } from "../../../src/wire/frames.js";
import { credit, data, end, framesOf, Lab, open, openPayload, rawFrame, ready, reset } from "./hatch-end.js";

const broken = expect.objectContaining({ code: "E_WIRE_BROKEN" });
const opened = (): Lab => new Lab().push(ready, open(1));

describe("a wire", () => {
  it("asks for its ports first and hears which could not be had", () => {
    const lab = new Lab([22, 443]);
    expect(lab.sent()).toEqual([{ type: frameTypes.setup, id: 0, payload: Buffer.from([1, 2, 0, 22, 1, 187]) }]);
    lab.push(rawFrame(frameTypes.ready, 0, Buffer.from([1, 1, 0, 22])));
    expect(lab.readyPorts).toEqual([22]);
  });

  it("carries bytes both ways and ends cleanly when both sides have ended", () => {
    const lab = opened().push(data(1, "hello"), end(1));
    expect(lab.stream().claim).toEqual({ kind: "direct", name: "a.example", port: 443, peerPort: 40_000 });
    lab.sent();
    expect(lab.stream().write(Buffer.from("answer"))).toBe(true);
    lab.stream().end();
    expect(lab.sent().map(({ type, payload }) => [type, payload.toString()])).toEqual([
      [frameTypes.data, "answer"],
      [frameTypes.end, ""],
    ]);
    expect(lab.seen.get(1)).toMatchObject({ received: Buffer.from("hello"), ended: true, closed: true });
    expect(lab.wire.streamCount).toBe(0);
  });

  it.each([
    [4, "gateway"],
    [5, "hook"],
  ])("knows a connection of kind %i to the %s, which has neither name nor port", (number, kind) => {
    const lab = new Lab().push(ready, rawFrame(frameTypes.open, 1, openPayload(number, 0, "")));
    expect(lab.stream().claim).toEqual({ kind, name: "", port: 0, peerPort: 40_000 });
    for (const payload of [openPayload(number, 443, ""), openPayload(number, 0, "a.example"), openPayload(6, 0, "")])
      expect(() => new Lab().push(ready, rawFrame(frameTypes.open, 1, payload))).toThrow(broken);
  });

  it("sends no more than the hatch has room for, and the rest as room comes", () => {
    const lab = opened();
    lab.sent();
    const bytes = Buffer.alloc(firstCredit + 100_000, 7);
    expect(lab.stream().write(bytes)).toBe(false);
    const size = (): number => lab.sent().reduce((sum, { payload }) => sum + payload.length, 0);
    expect(size()).toBe(firstCredit);
    lab.push(credit(1, 60_000));
    expect(size()).toBe(60_000);
    expect(lab.seen.get(1)?.drains).toBe(0);
    lab.push(credit(1, 60_000));
    expect(size()).toBe(40_000);
    expect(lab.seen.get(1)?.drains).toBe(1);
  });

  it("gives back as much credit as was handed on, and takes no byte beyond it", () => {
    const lab = opened();
    const piece = Buffer.alloc(65_536);
    lab.push(data(1, piece), data(1, piece), data(1, piece), data(1, piece));
    expect(() => lab.push(data(1, "x"))).toThrow(broken);
    const other = opened().push(data(1, piece));
    other.sent();
    other.stream().consumed(65_536);
    expect(other.sent()).toEqual([{ type: frameTypes.window, id: 1, payload: Buffer.from([0, 1, 0, 0]) }]);
  });

  it("lets everybody have a turn when the way out is full, and small frames pass", () => {
    const lab = new Lab().push(ready, open(1), open(3));
    lab.sent();
    lab.takesMore = false;
    lab.stream(0).write(Buffer.from("first"));
    expect(lab.stream(0).write(Buffer.from("second"))).toBe(false);
    expect(lab.stream(1).write(Buffer.from("other"))).toBe(false);
    lab.stream(1).explain("no");
    expect(lab.sent().map(({ type, payload }) => [type, payload.toString()])).toEqual([
      [frameTypes.data, "first"],
      [frameTypes.refused, "no"],
    ]);
    lab.takesMore = true;
    lab.wire.drained();
    expect(lab.sent().map(({ payload }) => payload.toString())).toEqual(["second", "other"]);
  });

  it("answers a reset, drops what crossed its own, and forgets the stream when the answer comes", () => {
    const lab = opened();
    lab.sent();
    lab.stream().reset();
    expect(lab.seen.get(1)?.closed).toBe(false);
    lab.push(data(1, "late"), credit(1, 5));
    expect(lab.wire.streamCount).toBe(1);
    lab.push(reset(1));
    expect(lab.wire.streamCount).toBe(0);
    expect(lab.sent().map(({ type }) => type)).toEqual([frameTypes.reset]);
    lab.push(open(3), reset(3), reset(3), credit(3, 5));
    expect(lab.sent().map(({ type }) => type)).toEqual([frameTypes.reset]);
    expect(lab.seen.get(1)?.afterClose).toBe(0);
  });

  it("forwards into the sandbox by ids of its own", () => {
    const lab = new Lab().push(ready);
    const stream = lab.wire.openForward(3000);
    if (stream === null) throw new Error("no stream");
    const seen = lab.adopt(stream);
    expect(lab.sent().at(-1)).toEqual({
      type: frameTypes.open,
      id: 2,
      payload: Buffer.from([3, 3000 >> 8, 3000 & 255, 0, 0]),
    });
    lab.push(rawFrame(frameTypes.accepted, 2), data(2, "hi"), end(2));
    expect(seen).toMatchObject({ accepted: true, ended: true });
    const refused = lab.wire.openForward(1);
    if (refused === null) throw new Error("no stream");
    const other = lab.adopt(refused);
    lab.push(rawFrame(frameTypes.refused, 4, Buffer.from("nobody")));
    expect(other.closed).toBe(false);
    expect(lab.sent().at(-1)).toMatchObject({ type: frameTypes.reset, id: 4 });
  });

  it("is reported stuck when the hatch does not read", () => {
    const lab = opened();
    lab.waiting = 9 * 1024 * 1024;
    lab.stream().explain("no");
    expect(lab.stuck).toEqual(broken);
  });

  it("ends every stream when it is closed", () => {
    const lab = new Lab().push(ready, open(1), open(3));
    lab.wire.close();
    expect([...lab.seen.values()].map(({ closed }) => closed)).toEqual([false, false]);
    lab.sent();
    lab.stream().write(Buffer.from("x"));
    lab.stream().reset();
    expect(lab.sent()).toEqual([]);
  });

  it.each<[string, Buffer[]]>([
    ["a frame before READY", [open(1)]],
    ["a second READY", [ready, ready]],
    ["READY on a stream", [rawFrame(frameTypes.ready, 1, Buffer.from([1, 0]))]],
    ["another version", [rawFrame(frameTypes.ready, 0, Buffer.from([2, 0]))]],
    ["a READY that counts wrong", [rawFrame(frameTypes.ready, 0, Buffer.from([1, 3, 0, 1]))]],
    ["an unknown type", [ready, rawFrame(10, 1)]],
    ["type 0", [ready, rawFrame(0, 1)]],
    ["SETUP from the hatch", [rawFrame(frameTypes.setup, 0, Buffer.from([1, 0]))]],
    ["a giant frame", [ready, open(1), rawFrame(frameTypes.data, 1, Buffer.alloc(65_537))]],
    ["a giant control frame", [ready, rawFrame(frameTypes.open, 1, Buffer.alloc(259))]],
    ["data of no bytes", [ready, open(1), data(1, "")]],
    ["an even id", [ready, open(2)]],
    ["id 0", [ready, open(0)]],
    ["an id used twice", [ready, open(1), open(1)]],
    ["an id that goes back", [ready, open(5), open(3)]],
    ["data on a stream that never was", [ready, data(1, "x")]],
    ["data on stream 0", [ready, data(0, "x")]],
    ["a reset of the future", [ready, open(1), reset(3)]],
    ["a credit on a host's stream that never was", [ready, credit(2, 1)]],
    ["data after the end", [ready, open(1), end(1), data(1, "x")]],
    ["a second end", [ready, open(1), end(1), end(1)]],
    ["data after a reset", [ready, open(1), reset(1), data(1, "x")]],
    ["a credit of nothing", [ready, open(1), credit(1, 0)]],
    ["a credit beyond the limit", [ready, open(1), credit(1, maxCredit)]],
    ["ACCEPTED for what it opened itself", [ready, open(1), rawFrame(frameTypes.accepted, 1)]],
    ["REFUSED for what it opened itself", [ready, open(1), rawFrame(frameTypes.refused, 1, Buffer.from("x"))]],
    ["an OPEN of kind forward", [ready, rawFrame(frameTypes.open, 1, openPayload(3, 80, ""))]],
    ["an OPEN of no kind", [ready, rawFrame(frameTypes.open, 1, openPayload(0, 80, "a"))]],
    ["a direct OPEN without a name", [ready, open(1, "")]],
    ["a direct OPEN without a port", [ready, open(1, "a", 0)]],
    ["a name in upper case", [ready, open(1, "A.example")]],
    ["a name with NUL", [ready, open(1, "a\0.example")]],
    ["a name with a space", [ready, open(1, "a example")]],
    ["a name with bytes that are not ASCII", [ready, open(1, "\u00e4.example")]],
    ["a proxy OPEN with a name", [ready, rawFrame(frameTypes.open, 1, openPayload(2, 0, "a"))]],
  ])("is broken by %s", (_, frames) => {
    expect(() => new Lab().push(...frames)).toThrow(broken);
  });

  it("is broken by one stream more than there may be, and not by many one after the other", () => {
    const lab = new Lab().push(ready);
    for (let index = 0; index < maxStreams; index += 1) lab.push(open(2 * index + 1));
    expect(() => lab.push(open(2 * maxStreams + 1))).toThrow(broken);
    const other = new Lab().push(ready);
    for (let index = 0; index < 3 * maxStreams; index += 1) other.push(open(2 * index + 1), reset(2 * index + 1));
    expect(other.wire.streamCount).toBe(0);
  });
});

describe("any bytes", () => {
  const frame = fc
    .tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 12 }))
    .map(([type, id, payload]) => rawFrame(type, id, payload));
  const good = fc.constantFrom(open(1), open(3), data(1, "abc"), data(3, "x"), end(1), end(3), reset(1), credit(1, 9));
  const script = fc.array(fc.oneof({ weight: 8, arbitrary: good }, frame), { maxLength: 40 });

  it("break the wire or are understood, however they are cut, and never more comes than was sent", () => {
    fc.assert(
      fc.property(script, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (frames, sizes) => {
        const whole = new Lab();
        const cut = new Lab();
        const bytes = Buffer.concat([ready, ...frames]);
        const outcome = (lab: Lab, pieces: Iterable<Buffer>): string => {
          try {
            for (const piece of pieces) lab.wire.push(piece);
            return "fine";
          } catch (error) {
            expect(error).toEqual(broken);
            return "broken";
          }
        };
        function* pieces(): Generator<Buffer> {
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            yield bytes.subarray(at, at + size);
            at += size;
          }
        }
        expect(outcome(cut, pieces())).toBe(outcome(whole, [bytes]));
        const text = (lab: Lab): string[] => [...lab.seen.values()].map(({ received }) => received.toString("hex"));
        expect(text(cut)).toEqual(text(whole));
        const total = [...whole.seen.values()].reduce((sum, { received }) => sum + received.length, 0);
        const most = framesOf(bytes).reduce((sum, { type, payload }) => sum + (type === 6 ? payload.length : 0), 0);
        expect(total).toBeLessThanOrEqual(most);
      }),
      { numRuns: 3_000 },
    );
  });
});
