import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutBytes } from "../../../src/tools/capture.js";
import { maxRunningCalls } from "../../../src/tools/frames.js";
import { type ServerCall, ToolRefusal } from "../../../src/tools/tool-channel.js";
import { done, err, failed, out, rawFrame, ready, ServerEnd, settle } from "./server-end.js";

const call: ServerCall = { operation: "run", records: [["command", "true"]], head: 8, tail: 4, timeoutMs: 60_000 };

async function withCall(...answers: readonly Buffer[]) {
  await using server = new ServerEnd();
  server.say(ready);
  await server.channel.ready;
  const answer = server.channel.call(call);
  answer.catch(() => undefined);
  await settle();
  server.say(...answers);
  return await answer;
}

describe("a call", () => {
  it("sends its operation, its records and how much of the output it wants", async () => {
    await using server = new ServerEnd();
    server.say(ready);
    const answer = server.channel.call({ ...call, input: Buffer.from("in") });
    await settle();
    const [first, input, go] = server.sent();
    expect(first).toMatchObject({ type: 1, id: 1 });
    expect(first?.payload.toString("latin1")).toBe("\x08\x01command=true\0head=8\0tail=4\0");
    expect([input?.type, input?.payload.toString(), go?.type]).toEqual([2, "in", 3]);
    server.say(done(1, "exit=0", "out=0", "err=0"));
    expect((await answer).records.get("exit")).toBe("0");
  });

  it("gets the beginning and the end of what was printed, and how much is between", async () => {
    const { out: stdout, err: stderr } = await withCall(
      out(1, "beginnin"),
      err(1, "oops"),
      out(1, "end."),
      done(1, "exit=0", "out=1012", "err=4"),
    );
    expect([stdout.head.toString(), stdout.tail.toString(), cutBytes(stdout)]).toEqual(["beginnin", "end.", 1_000]);
    expect(stderr.head.toString()).toBe("oops");
  });

  it("rejects with the server's own code", async () => {
    await expect(withCall(failed(1, "code=ENOENT", "text=no such\u001b[2J file"))).rejects.toMatchObject({
      code: "ENOENT",
      message: "no such\\x1b[2J file",
    });
  });

  it("takes frames in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }), async (sizes) => {
        await using server = new ServerEnd();
        const bytes = Buffer.concat([ready, out(1, "abc"), err(1, "d"), done(1, "exit=3", "out=3", "err=1")]);
        const answer = server.channel.call(call);
        answer.catch(() => undefined);
        server.say(bytes.subarray(0, 9));
        await server.channel.ready;
        await settle();
        for (let at = 9, step = 0; at < bytes.length; step += 1) {
          const size = sizes[step % sizes.length] ?? 1;
          server.say(bytes.subarray(at, at + size));
          at += size;
        }
        const { records, out: stdout } = await answer;
        expect([records.get("exit"), stdout.head.toString()]).toEqual(["3", "abc"]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a server that is not ours", () => {
  it.each<[string, readonly Buffer[]]>([
    ["a second READY", [ready]],
    ["an unknown type", [rawFrame(7, 1)]],
    ["the host's own CALL", [rawFrame(1, 1, "\x08\0")]],
    ["an empty OUT", [out(1, "")]],
    ["an OUT that is too long", [rawFrame(17, 1, Buffer.alloc(65_537))]],
    ["more than was asked for", [out(1, "x".repeat(13))]],
    ["a frame for a call that never was", [out(9, "x")]],
    ["a frame after the end", [done(1, "exit=0", "out=0", "err=0"), done(1, "exit=0", "out=0", "err=0")]],
    ["a total below what it sent", [out(1, "abc"), done(1, "exit=0", "out=2", "err=0")]],
    ["a total above what it sent", [out(1, "abc"), done(1, "exit=0", "out=4", "err=0")]],
    ["a total that is no number", [done(1, "exit=0", "out=-1", "err=0")]],
    ["a DONE without totals", [done(1, "exit=0")]],
    ["records without an end", [rawFrame(19, 1, "exit=0")]],
    ["a record twice", [done(1, "exit=0", "exit=1", "out=0", "err=0")]],
    ["a record without a name", [done(1, "=0", "out=0", "err=0")]],
    ["a name of its own making", [done(1, "__proto__=0", "out=0", "err=0")]],
    ["a failure without a code", [failed(1, "text=x")]],
    ["a code that drives a terminal", [failed(1, "code=E\u001b[2J", "text=x")]],
  ])("ends the connection: %s", async (_name, frames) => {
    await using server = new ServerEnd();
    server.say(ready);
    await server.channel.ready;
    const first = server.channel.call(call);
    const other = server.channel.call(call);
    const results = Promise.allSettled([first, other]);
    await settle();
    server.say(...frames);
    const [, second] = await results;
    expect(second).toMatchObject({ status: "rejected", reason: { code: "E_TOOL_SERVER" } });
    expect(server.channel.isOpen).toBe(false);
    expect(server.disposed).toBeGreaterThan(0);
    await expect(server.channel.call(call)).rejects.toMatchObject({ code: "E_TOOL_SERVER" });
  });

  it("never hangs or crashes the host, whatever it says", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 30 }), async (chunks) => {
        await using server = new ServerEnd();
        const answer = server.channel.call(call);
        const settled = answer.then(
          () => "answered",
          (error: unknown) => (error instanceof ToolRefusal ? "refused" : (error as { code: string }).code),
        );
        server.say(ready);
        for (const chunk of chunks) server.stdout.write(Buffer.from(chunk));
        server.stdout.end();
        expect(["answered", "refused", "E_TOOL_SERVER"]).toContain(await settled);
      }),
      { numRuns: 300 },
    );
  });

  it("is answered or ended by any frames in any order, and never holds more than was asked for", async () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc
        .constantFrom(
          "exit=0\0out=0\0err=0\0",
          "exit=0\0out=3\0err=0\0",
          "code=EIO\0text=x\0",
          "out=99\0err=99\0",
          "\0",
        )
        .map((each) => Buffer.from(each)),
    );
    const frame = fc.tuple(fc.integer({ min: 15, max: 21 }), fc.integer({ min: 0, max: 4 }), payload);
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 40 }), async (frames) => {
        await using server = new ServerEnd();
        server.say(ready);
        await server.channel.ready;
        const settled = Promise.allSettled([call, call, call].map((each) => server.channel.call(each)));
        server.say(...frames.map(([type, id, bytes]) => rawFrame(type, id, bytes)));
        server.stdout.end();
        for (const result of await settled) {
          if (result.status === "rejected") expect(["EIO", "E_TOOL_SERVER"]).toContain(result.reason.code);
          else expect(result.value.out.head.length + result.value.out.tail.length).toBeLessThanOrEqual(12);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("finds nothing taken before it says READY", async () => {
    await using server = new ServerEnd();
    server.say(done(1, "out=0", "err=0"));
    await expect(server.channel.ready).rejects.toMatchObject({ code: "E_TOOL_SERVER" });
  });
});

describe("many calls", () => {
  it("run at once as far as the protocol lets them, and the rest as there is room", async () => {
    await using server = new ServerEnd();
    server.say(ready);
    await server.channel.ready;
    const answers = Array.from({ length: maxRunningCalls + 6 }, () => server.channel.call(call));
    await settle();
    expect(server.sent()).toHaveLength(maxRunningCalls);
    for (let id = 1; id <= 6; id += 1) server.say(done(id, "exit=0", "out=0", "err=0"));
    await Promise.all(answers.slice(0, 6));
    await settle();
    expect(server.sent().map(({ id }) => id)).toEqual([65, 66, 67, 68, 69, 70]);
    for (let id = 7; id <= 70; id += 1) server.say(done(id, "exit=0", "out=0", "err=0"));
    expect(await Promise.all(answers)).toHaveLength(70);
  });

  it("are cancelled one by one", async () => {
    await using server = new ServerEnd();
    server.say(ready);
    await server.channel.ready;
    const controller = new AbortController();
    const answer = server.channel.call({ ...call, signal: controller.signal });
    const late = server.channel.call({ ...call, timeoutMs: 20 });
    await settle();
    server.sent();
    controller.abort();
    expect(server.sent()).toMatchObject([{ type: 4, id: 1 }]);
    server.say(done(1, "signal=9", "out=0", "err=0"));
    expect((await answer).ended).toBe("cancelled");
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(server.sent()).toMatchObject([{ type: 4, id: 2 }]);
    server.say(done(2, "signal=9", "out=0", "err=0"));
    expect((await late).ended).toBe("timeout");
  });
});
