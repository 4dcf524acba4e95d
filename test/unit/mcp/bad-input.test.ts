import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { messageLimits, parseMessage } from "../../../src/base/json-message.js";
import { findJsonTrouble } from "../../../src/base/json-structure.js";
import { PaperDesk, PaperLine } from "../../support/paper-desk.js";

const initialize = {
  jsonrpc: "2.0",
  id: "i",
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
};

async function opened(desk = new PaperDesk()): Promise<{
  readonly line: PaperLine;
  readonly desk: PaperDesk;
  readonly answered: (id: unknown) => Promise<Record<string, unknown>>;
  readonly messages: Record<string, unknown>[];
}> {
  const line = new PaperLine(desk);
  const messages = line.messages();
  const answered = async (id: unknown): Promise<Record<string, unknown>> => {
    for (let tries = 0; tries < 1_000; tries += 1) {
      const at = messages.findIndex((message) => message["id"] === id && !("method" in message));
      if (at !== -1) return messages.splice(at, 1)[0] ?? {};
      await sleep(5);
    }
    throw new Error(`no answer to ${String(id)}; seen: ${JSON.stringify(messages).slice(0, 500)}`);
  };
  line.say(initialize);
  await answered("i");
  line.say({ jsonrpc: "2.0", method: "notifications/initialized" });
  return { line, desk, answered, messages };
}

const shell = (id: unknown, command: unknown): unknown => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name: "shell", arguments: { command } },
});

describe("what a client may send wrongly", () => {
  test.each([
    ["no JSON", "{nonsense", -32700],
    ["half a message", '{"jsonrpc":"2.0","id":1,"method":', -32700],
    ["a number", "42", -32600],
    ["nothing of JSON-RPC", '{"hello":"world"}', -32600],
    ["a batch", '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
    ["another version", '{"jsonrpc":"1.0","id":null,"method":"ping"}', -32600],
    ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600],
    [
      "a field named __proto__",
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"shell"}}}',
      -32700,
    ],
    [
      "the same, escaped",
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"\\u005f_proto__":{"name":"shell"}}}',
      -32700,
    ],
    [
      "a field that is given twice",
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","name":"shell","arguments":{"command":"true"}}}',
      -32700,
    ],
    [
      "a field that is given twice, once escaped",
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shell","arguments":{"command":"a","c\\u006fmmand":"b"}}}',
      -32700,
    ],
    ["a comma too many", '{"jsonrpc":"2.0","id":1,"method":"ping",}', -32700],
    ["NaN", '{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700],
    ["two messages in a line", '{"jsonrpc":"2.0","id":1,"method":"ping"}{}', -32700],
    ["UTF-16", Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}', "utf16le"), -32700],
    ["bytes that are no text", Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), -32700],
  ])("%s is answered with an error, and the next call works", async (_name, text, code) => {
    const { line, answered } = await opened();
    await using _line = line;
    line.toServer.write(text);
    line.toServer.write("\n");
    expect(await answered(null)).toMatchObject({ error: { code } });
    line.say(shell(2, "true"));
    expect(await answered(2)).toMatchObject({ result: { structuredContent: { exitCode: 0 } } });
  });

  test("a message of 64 MB is refused without being kept, and the next call works", async () => {
    const { line, answered } = await opened();
    await using _line = line;
    const before = process.memoryUsage().rss;
    const piece = Buffer.alloc(1024 * 1024, "a");
    line.toServer.write(
      '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"shell","arguments":{"command":"',
    );
    let highest = 0;
    for (let sent = 0; sent < 64; sent += 1) {
      if (!line.toServer.write(piece)) await new Promise((resolve) => line.toServer.once("drain", resolve));
      highest = Math.max(highest, process.memoryUsage().rss);
    }
    line.toServer.write('"}}}\n');
    expect(await answered(null)).toMatchObject({
      error: { code: -32600, message: "the message is larger than 32 MB" },
    });
    expect(highest - before).toBeLessThan(2 * messageLimits.bytes);
    line.say(shell(10, "true"));
    expect(await answered(10)).toMatchObject({ result: {} });
  });

  test("a message of ten thousand levels is refused before it is built", async () => {
    const { line, answered, desk } = await opened();
    await using _line = line;
    const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
    line.say(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shell","arguments":{"command":${deep}}}}`,
    );
    expect(await answered(null)).toMatchObject({ error: { message: "the message nests deeper than 64 levels" } });
    expect(desk.calls).toEqual([]);
  });

  test("an unknown method is an error, an unknown notification nothing", async () => {
    const { line, answered, messages } = await opened();
    await using _line = line;
    line.say({ jsonrpc: "2.0", method: "notifications/nonsense" });
    line.say({ jsonrpc: "2.0", id: 1, method: "tools/destroy" });
    expect(await answered(1)).toMatchObject({ error: { code: -32601 } });
    expect(messages).toEqual([]);
  });

  test("an id that is in use is refused, and the first call keeps its answer", async () => {
    const { line, answered, desk } = await opened();
    await using _line = line;
    line.say(shell(1, "print"));
    line.say(shell(1, "other"));
    expect(await answered(1)).toMatchObject({ error: { message: "a request with this id is still worked on" } });
    expect(await answered(1)).toMatchObject({ result: { structuredContent: { stdout: "print\n" } } });
    expect(desk.calls).toHaveLength(1);
    line.say(shell(1, "again"));
    expect(await answered(1)).toMatchObject({ result: { structuredContent: { stdout: "again\n" } } });
  });

  test("so many requests at once that they would take the memory are refused", async () => {
    const { line, answered, desk } = await opened();
    await using _line = line;
    for (let id = 0; id < 520; id += 1) line.say(shell(id, "wait"));
    expect(await answered(519)).toMatchObject({ error: { message: "512 requests are worked on already" } });
    for (let tries = 0; desk.calls.length < 512 && tries < 1_000; tries += 1) await sleep(5);
    expect(desk.calls).toHaveLength(512);
    line.say({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 0 } });
    line.say(shell("next", "true"));
    expect(await answered("next")).toMatchObject({ result: {} });
  });

  test("a cancellation of what is unknown, answered, or nonsense changes nothing", async () => {
    const { line, answered, messages } = await opened();
    await using _line = line;
    line.say(shell(1, "true"));
    await answered(1);
    for (const requestId of [1, 99, "x", null, { a: 1 }])
      line.say({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
    line.say({ jsonrpc: "2.0", method: "notifications/cancelled" });
    line.say(shell(2, "true"));
    expect(await answered(2)).toMatchObject({ result: {} });
    expect(messages).toEqual([]);
  });

  test("answers to nothing asked are passed over", async () => {
    const { line, answered } = await opened();
    await using _line = line;
    line.say({ jsonrpc: "2.0", id: 77, result: { action: "accept" } });
    line.say(shell(2, "true"));
    expect(await answered(2)).toMatchObject({ result: {} });
  });

  test("arguments that fit no schema reach nothing", async () => {
    const { line, answered, desk } = await opened();
    await using _line = line;
    for (const [id, given] of [
      [1, "text"],
      [2, [1]],
      [3, 7],
    ] as const) {
      line.say({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "shell", arguments: given } });
      const answer = await answered(id);
      expect("error" in answer || (answer["result"] as { isError?: boolean }).isError === true).toBe(true);
    }
    line.say({
      jsonrpc: "2.0",
      id: 4,
      method: "tools/call",
      params: { name: "restore", arguments: { snapshot: "../s1" } },
    });
    expect(await answered(4)).toMatchObject({ result: { isError: true } });
    expect(desk.calls).toEqual([]);
  });

  test("lines that arrive in pieces, several at once or with CRLF are read as they were written", async () => {
    const { line, answered } = await opened();
    await using _line = line;
    const text = `${JSON.stringify(shell(1, "grüße"))}\r\n${JSON.stringify(shell(2, "b"))}\n\n`;
    for (const byte of Buffer.from(text)) line.toServer.write(Buffer.of(byte));
    expect(await answered(1)).toMatchObject({ result: { structuredContent: { stdout: "grüße\n" } } });
    expect(await answered(2)).toMatchObject({ result: {} });
  });

  test("a server whose client goes without a word ends", async () => {
    const line = new PaperLine();
    line.toServer.destroy();
    await line.served;
  });
});

describe("how deep a message nests", () => {
  test.each([
    ["[]", 1, false],
    ["[[]]", 1, true],
    ['{"a":"[[[["}', 1, false],
    ['{"a":"\\"[[[["}', 1, false],
    ['{"a":"\\\\"}', 1, false],
    ['{"a":"\\\\",  "b":[[]]}', 2, true],
    ["[[],[],[]]", 2, false],
  ])("%s beyond %d: %s", (text, depth, expected) => {
    expect(findJsonTrouble(Buffer.from(text), depth)).toBe(expected ? "deep" : null);
  });

  test("what is taken is what JSON.parse makes of it", () => {
    const value = { a: [1, { b: "ü\u0000" }], "": null };
    expect(parseMessage(Buffer.from(JSON.stringify(value)))).toEqual({ ok: true, value });
  });
});
