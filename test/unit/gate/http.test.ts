import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpGuard } from "../../../src/gate/http-guard.js";
import { inspectorFor } from "../../../src/gate/inspector.js";
import { hello, nameExtension } from "./hellos.js";

const host = { kind: "name", text: "a.example" } as const;

function send(
  text: string,
  sizes: readonly number[] = [100_000],
  port = 80,
): { passed: string; violation: string | null } {
  const guard = new HttpGuard(host, port);
  const bytes = Buffer.from(text, "latin1");
  let passed = "";
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    const { forward, violation } = guard.inspect(bytes.subarray(at, at + size));
    passed += Buffer.concat([...forward]).toString("latin1");
    if (violation !== null) return { passed, violation };
    at += size;
  }
  return { passed, violation: null };
}

const get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

describe("an HTTP connection", () => {
  it.each([
    ["a request", get],
    ["two requests", get + get],
    ["a body by length", `POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello${get}`],
    [
      "a chunked body with a trailer",
      `POST / HTTP/1.1\r\nHost: A.EXAMPLE:80\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n${get}`,
    ],
    ["its own host in the first line", "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n"],
    ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ])("passes %s unchanged, however it is cut", (_, text) => {
    for (const sizes of [[100_000], [1], [2, 7], [33]])
      expect(send(text, sizes)).toEqual({ passed: text, violation: null });
  });

  it.each([
    ["another host", "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"],
    ["another host in the second request", `${get}GET / HTTP/1.1\r\nHost: b.example\r\n\r\n`],
    ["another port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"],
    ["no host", "GET / HTTP/1.1\r\n\r\n"],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n"],
    ["another host in the first line", "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"],
    ["a user in the first line", "GET http://a.example@b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"],
    ["CL.TE", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["TE.CL", "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"],
    ["a disguised coding", "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\n\r\n"],
    ["two codings", "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    ["a signed length", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +1\r\n\r\n"],
    ["a folded header", "GET / HTTP/1.1\r\nHost: a.example\r\nX: a\r\n b: c\r\n\r\n"],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n"],
    ["bare line feeds", "GET / HTTP/1.1\nHost: a.example\n\n"],
    ["one bare line feed", "GET / HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n"],
    ["NUL", "GET / HTTP/1.1\r\nHost: a.example\r\nX: \0\r\n\r\n"],
    ["a bare carriage return", "GET / HTTP/1.1\r\nHost: a.example\r\nX: a\rHost: b\r\n\r\n"],
    ["two spaces", "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n"],
    ["an old version", "GET / HTTP/0.9\r\nHost: a.example\r\n\r\n"],
    ["HTTP/2 in the clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["CONNECT", "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n"],
    [
      "a chunk extension",
      "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n",
    ],
    [
      "bytes after a chunk",
      "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n",
    ],
    [
      "a chunk of a bare line feed",
      "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\nh\r\n0\r\n\r\n",
    ],
    ["a negative chunk", "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"],
    ["a megabyte of headers", `GET / HTTP/1.1\r\nHost: a.example\r\nX: ${"a".repeat(1_000_000)}\r\n\r\n`],
    ["a thousand headers", `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(1_000)}Host: a.example\r\n\r\n`],
    ["another protocol", "SSH-2.0-x\r\n"],
  ])("ends at %s", (_, text) => {
    for (const sizes of [[100_000], [1_000, 3]]) {
      const { passed, violation } = send(text, sizes);
      expect(violation).not.toBeNull();
      expect(passed).not.toContain("b.example");
    }
  });

  it("is followed with small steps for a client that dribbles", () => {
    const started = performance.now();
    const { violation } = send(`GET / HTTP/1.1\r\nHost: a.example\r\nX: ${"a".repeat(70_000)}`, [1]);
    expect(violation).not.toBeNull();
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("becomes a WebSocket only when the server says so", () => {
    const ask = "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    const granted = new HttpGuard(host, 80);
    expect(granted.inspect(Buffer.from(`${ask}frames`)).forward.join("")).toBe(ask);
    expect(granted.answer(Buffer.from("HTTP/1.1 "))).toEqual([]);
    expect(granted.answer(Buffer.from("101 Switching\r\n")).join("")).toBe("frames");
    expect(granted.inspect(Buffer.from("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n")).violation).toBeNull();
    const refused = new HttpGuard(host, 80);
    refused.inspect(Buffer.from(ask));
    refused.answer(Buffer.from("HTTP/1.1 200 OK\r\n"));
    expect(refused.inspect(Buffer.from(get)).violation).not.toBeNull();
    expect(send(get + ask).violation).not.toBeNull();
  });

  it("loses an offer of HTTP/2, which a Java client makes, and stays what it is", () => {
    const offer =
      "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHost: a.example\r\nHTTP2-Settings: AAEA\r\nUpgrade: h2c\r\nX: y\r\n\r\n";
    expect(send(offer)).toEqual({ passed: "GET / HTTP/1.1\r\nhost: a.example\r\nx: y\r\n\r\n", violation: null });
  });

  it("never passes a request for another host, whatever is around it", () => {
    const piece = fc.constantFrom(
      get,
      "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 30\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
      "5\r\nhello\r\n",
      "0\r\n\r\n",
      "\r\n",
      "x",
      " ",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.integer({ min: 1, max: 60 }), (before, size) => {
        const evil = "GET /evil HTTP/1.1\r\nHost: b.example\r\n\r\n";
        const { passed } = send(before.join("") + evil, [size]);
        // Within a body it is data; anywhere else it must not pass whole.
        const isData = /(Content-Length: 30|Transfer-Encoding: chunked)/.test(before.join(""));
        if (!isData) expect(passed).not.toContain("Host: b.example");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("what a client says first", () => {
  const inspect = (port: number, bytes: Buffer): string | null => inspectorFor(host, port).inspect(bytes).violation;

  it("must be TLS for the allowed name on 443", () => {
    expect(inspect(443, hello([nameExtension("a.example")]))).toBeNull();
    expect(inspect(443, hello([nameExtension("A.Example")]))).toBeNull();
    expect(inspect(443, hello([nameExtension("b.example")]))).toContain("another name");
    expect(inspect(443, hello([nameExtension("a.example\0.b.example")]))).not.toBeNull();
    expect(inspect(443, hello([]))).toContain("without a server name");
    expect(inspect(443, Buffer.from(get))).not.toBeNull();
    expect(inspect(443, Buffer.from("SSH-2.0-x\r\n"))).not.toBeNull();
  });

  it("must be SSH on 22, also byte by byte", () => {
    expect(inspect(22, Buffer.from("SSH-2.0-x\r\n"))).toBeNull();
    expect(inspect(22, Buffer.from(get))).not.toBeNull();
    const slow = inspectorFor(host, 22);
    expect(slow.inspect(Buffer.from("SS")).forward).toEqual([]);
    expect(slow.inspect(Buffer.from("H-2")).forward.join("")).toBe("SSH-2");
  });

  it("may be anything on another port, but TLS and HTTP must name the host", () => {
    expect(inspect(5432, Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]))).toBeNull();
    expect(inspect(8443, hello([nameExtension("b.example")]))).not.toBeNull();
    expect(inspect(8080, Buffer.from("GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"))).toBeNull();
    expect(inspect(8080, Buffer.from(get.replace("a.", "b.")))).not.toBeNull();
    const slow = inspectorFor(host, 8080);
    for (const letter of "GET / HTTP/1.1\r\nHost: b.example\r\n\r")
      expect(slow.inspect(Buffer.from(letter)).forward).toEqual([]);
    expect(slow.inspect(Buffer.from("\n")).violation).not.toBeNull();
  });
});
