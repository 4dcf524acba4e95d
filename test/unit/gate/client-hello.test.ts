import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readClientHello } from "../../../src/gate/client-hello.js";
import { extension, hello, nameExtension, realHello } from "./hellos.js";

describe("a ClientHello", () => {
  it("of a real client says its server name, or that there is none", async () => {
    expect(readClientHello(await realHello("api.example.com"))).toEqual({
      state: "whole",
      serverName: "api.example.com",
    });
    expect(readClientHello(await realHello(undefined))).toEqual({ state: "whole", serverName: null });
  });

  it("is put together from split records, whatever comes after it", () => {
    const expected = { state: "whole", serverName: "split.example" };
    for (const size of [3, 4, 7, 40])
      expect(readClientHello(hello([nameExtension("split.example")], size))).toEqual(expected);
    const more = Buffer.concat([hello([nameExtension("split.example")]), Buffer.from([20, 3, 3, 0, 1, 1])]);
    expect(readClientHello(more)).toEqual(expected);
  });

  it("wants more until it is whole, and says how much", () => {
    const whole = hello([extension(16, Buffer.alloc(600)), nameExtension("a.example")], 100);
    for (let length = 0; length < whole.length; length += 1) {
      const found = readClientHello(whole.subarray(0, length));
      expect(found.state).toBe("more");
      if (found.state === "more") expect(found.need).toBeGreaterThan(length);
    }
    expect(readClientHello(whole).state).toBe("whole");
  });

  it.each<[string, Buffer]>([
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\n")],
    ["SSLv2", Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 0])],
    ["another message", hello([], 16_384, 2)],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["a record that is too long", Buffer.from([22, 3, 1, 0xff, 0xff])],
    ["another version", Buffer.from([22, 2, 1, 0, 5])],
    ["too many records", hello([nameExtension("a.example")], 1)],
    ["two names", hello([nameExtension("a.example"), nameExtension("b.example")])],
    ["an empty name", hello([nameExtension("")])],
    ["a name that goes beyond its extension", hello([extension(0, Buffer.from([0, 9, 0, 0, 9, 97]))])],
    ["two names in one list", hello([extension(0, Buffer.from([0, 8, 0, 0, 1, 97, 0, 0, 1, 98]))])],
    ["a name of another kind", hello([extension(0, Buffer.from([0, 4, 1, 0, 1, 97]))])],
    ["extensions that go beyond the message", hello([Buffer.from([0, 16, 0, 9, 1])])],
  ])("with %s is bad", (_, bytes) => {
    expect(readClientHello(bytes).state).toBe("bad");
  });

  it("of any bytes never throws", () => {
    const whole = hello([extension(16, Buffer.alloc(20)), nameExtension("a.example")], 50);
    const mutated = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    fc.assert(
      fc.property(mutated, (bytes) => {
        expect(["more", "bad", "whole"]).toContain(readClientHello(bytes).state);
      }),
      { numRuns: 5_000 },
    );
  });
});
