import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Approval } from "../../src/gateway/approvals.js";
import { sha256 } from "../../src/gateway/signature.js";
import {
  callRaw,
  type GatewayLab,
  placeholder,
  sendRaw,
  signRaw,
  startGatewayLab,
} from "../support/aws/gateway-lab.js";

const form = { "content-type": "application/x-www-form-urlencoded" };
const describeCall = "Action=DescribeInstances&Version=2016-11-15";
const terminate = "Action=TerminateInstances&InstanceId.1=i-00000000000000a0d&Version=2016-11-15";

let lab: GatewayLab;

beforeEach(async () => {
  lab = await startGatewayLab({ decide: (name) => (name.endsWith(":TerminateInstances") ? "deny" : undefined) });
});

afterEach(async () => await lab[Symbol.asyncDispose]());

// Whatever it was answered with: AWS was not asked, or was asked for what was decided.
async function expectRefused(attack: Promise<{ readonly status: number; readonly text: string }>): Promise<string> {
  const { status, text } = await attack;
  expect(status).toBeGreaterThanOrEqual(400);
  expect(lab.stub.seen).toEqual([]);
  return text;
}

test("a call as it should be passes, so that what follows is refused for its own sake", async () => {
  expect(await callRaw(lab.url, { body: describeCall })).toMatchObject({ status: 200 });
  expect(lab.stub.seen).toMatchObject([{ operation: "DescribeInstances" }]);
});

describe("two readers that could disagree", () => {
  test.each([
    ["an action in the query and another in the body", { query: "Action=DescribeInstances", body: terminate }],
    ["an action twice", { body: `${describeCall}&Action=TerminateInstances&InstanceId.1=i-00000000000000a0d` }],
    ["an action twice, once in small letters", { body: `${terminate}&action=DescribeInstances` }],
    ["an action with a percent-encoded name", { body: `%41ction=TerminateInstances&Action=DescribeInstances` }],
    [
      "a target that disagrees with the action",
      { body: terminate, headers: { "x-amz-target": "EC2.DescribeInstances" } },
    ],
    ["the target of another service", { service: "sqs", headers: { "x-amz-target": "DynamoDB_20120810.DeleteTable" } }],
    ["a service that is none", { service: "ec3", body: describeCall, headers: form }],
    ["a scope of another service", { service: "iam", body: terminate, headers: form }],
    ["a path beside the action", { path: "/elsewhere/../", body: describeCall }],
    ["dot segments in a key", { service: "s3", method: "GET", path: "/photos/../secrets/key" }],
    ["encoded dot segments in a key", { service: "s3", method: "GET", path: "/photos/%2e%2e/secrets/key" }],
    ["an empty segment in a path", { service: "lambda", method: "GET", path: "/2015-03-31//functions" }],
  ])("%s", async (_, call) => {
    await expectRefused(callRaw(lab.url, call));
  });
});

describe("signatures", () => {
  const send = (headers: Readonly<Record<string, string | string[]>>, body = describeCall) =>
    sendRaw(lab.url, { body }, { ...headers, "content-length": String(body.length) });

  test("no signature at all", async () => {
    await expectRefused(send({ host: new URL(lab.url).host, ...form }));
  });

  test("a body that was changed after it was signed, also without a hash in the head", async () => {
    const headers = signRaw(lab.url, { body: describeCall, headers: form });
    await expectRefused(send(headers, terminate));
    const { "x-amz-content-sha256": _, ...without } = headers;
    await expectRefused(send(without, terminate));
  });

  test("a hash of the body that is not the body's", async () => {
    const payload = sha256(describeCall);
    await expectRefused(callRaw(lab.url, { body: terminate, payload, headers: form }));
  });

  test("the keys of another sandbox", async () => {
    const other = { ...placeholder, secretAccessKey: "placeholder/placeholder/placeholder+0002" };
    await expectRefused(callRaw(lab.url, { body: describeCall, keys: other }));
    await expectRefused(callRaw(lab.url, { body: describeCall, keys: { ...placeholder, sessionToken: "another" } }));
    const key = { ...placeholder, accessKeyId: "ASIAAIRLOCKAIRLOCK02" };
    await expectRefused(callRaw(lab.url, { body: describeCall, keys: key }));
  });

  test("a signature of ten minutes ago", async () => {
    await expectRefused(callRaw(lab.url, { body: describeCall, now: Date.now() - 600_000 }));
  });

  test("the same request again, later than its second", async () => {
    const headers = signRaw(lab.url, { body: describeCall, headers: form, now: Date.now() - 8_000 });
    expect(await send(headers)).toMatchObject({ status: 200 });
    lab.stub.seen.length = 0;
    await expectRefused(send(headers));
  });

  test("two Authorization headers", async () => {
    const headers = signRaw(lab.url, { body: describeCall, headers: form });
    const { authorization = "", ...rest } = headers;
    await expectRefused(send({ ...rest, authorization: [authorization, `${authorization}0`] }));
    await expectRefused(send({ ...rest, authorization: [authorization, authorization] }));
  });

  test("a header of AWS that is not signed", async () => {
    const headers = signRaw(lab.url, { service: "s3", method: "PUT", path: "/photos/key" });
    const attack = { ...headers, "x-amz-copy-source": "/secrets/key", "content-length": "0" };
    await expectRefused(sendRaw(lab.url, { method: "PUT", path: "/photos/key" }, attack));
  });

  test("a presigned URL that writes", async () => {
    const { authorization = "" } = signRaw(lab.url, {});
    const credential = encodeURIComponent(/Credential=([^,]+)/.exec(authorization)?.[1] ?? "");
    const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${credential}&X-Amz-Expires=60&X-Amz-SignedHeaders=host`;
    await expectRefused(
      sendRaw(lab.url, { method: "PUT", path: "/photos/key", query }, { host: new URL(lab.url).host }),
    );
  });
});

describe("headers", () => {
  test("what would make another request of it does not leave", async () => {
    const seen: string[][] = [];
    const server = createServer((incoming, response) => {
      seen.push(incoming.rawHeaders);
      response.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const upstream = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await using other = await startGatewayLab({ upstream });
    const smuggled = {
      ...{ "proxy-authorization": "Basic x", forwarded: "host=evil.example" },
      ...{ te: "trailers", "x-forwarded-host": "evil.example", cookie: "a=b" },
    };
    const answer = await callRaw(other.url, { service: "s3", method: "GET", path: "/photos/key", headers: smuggled });
    expect(answer.status).toBe(200);
    const names = (seen[0] ?? []).filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    for (const name of Object.keys(smuggled)) expect(names).not.toContain(name);
    expect(JSON.stringify(seen)).not.toContain(placeholder.sessionToken);
    expect(JSON.stringify(seen)).not.toContain(placeholder.accessKeyId);
    server.close();
  });

  test.each(["x-http-method-override", "x-http-method"])("%s", async (name) => {
    const headers = { ...form, [name]: "DELETE" };
    const { status } = await callRaw(lab.url, { body: terminate, headers });
    expect(status).toBe(403);
    expect(lab.stub.seen).toEqual([]);
  });

  test("a body whose length is said in two ways", async () => {
    const headers = signRaw(lab.url, { body: describeCall, headers: form });
    const lines = Object.entries({ ...headers, "transfer-encoding": "chunked", "content-length": "5" });
    const socket = connect(lab.port, "127.0.0.1");
    socket.write(`POST / HTTP/1.1\r\n${lines.map((line) => line.join(": ")).join("\r\n")}\r\n\r\n0\r\n\r\n`);
    let text = "";
    socket.on("data", (piece) => {
      text += piece.toString();
    });
    await once(socket, "close");
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(lab.stub.seen).toEqual([]);
  });

  test.each(["s3.amazonaws.com", "127.0.0.1:80", "photos.localhost:3129", "evil.example"])(
    "a Host that is not the gateway's: %s",
    async (host) => {
      const { status } = await callRaw(lab.url, { body: describeCall, headers: { ...form, host } });
      expect(status).toBe(421);
      expect(lab.stub.seen).toEqual([]);
    },
  );
});

describe("bodies", () => {
  test("five gigabytes are refused by their length, without a byte of them", async () => {
    const headers = signRaw(lab.url, { body: "", payload: sha256("x"), headers: form });
    const { "x-amz-content-sha256": _, ...without } = headers;
    const sent = request(lab.url, {
      method: "POST",
      headers: { ...without, "content-length": 5 * 1024 ** 3 },
      agent: false,
    });
    sent.on("error", () => undefined);
    sent.write(Buffer.alloc(65_536));
    let left = 2_000;
    const more = setInterval(() => void (left-- > 0 && sent.write(Buffer.alloc(1_048_576))), 1);
    // The answer, or the end of the connection under it: nobody takes five gigabytes for that.
    const [answer] = await Promise.race([once(sent, "response"), once(sent, "close")]).catch(() => []);
    clearInterval(more);
    expect((answer as { statusCode?: number } | undefined)?.statusCode ?? 403).toBe(403);
    expect(left).toBeGreaterThan(0);
    sent.destroy();
    expect(lab.stub.seen).toEqual([]);
  });

  test("nothing is made for a client that left while somebody was asked", async () => {
    let answer: ((approval: Approval) => void) | null = null;
    const decide = () => "ask" as const;
    const ask = (): Promise<Approval> =>
      new Promise((resolve) => {
        answer = resolve;
      });
    await using asking = await startGatewayLab({ decide, ask });
    const sent = request(asking.url, {
      ...{ method: "POST", agent: false },
      headers: { ...signRaw(asking.url, { body: terminate, headers: form }), "content-length": terminate.length },
    });
    sent.on("error", () => undefined);
    sent.end(terminate);
    while (answer === null) await sleep(5);
    sent.destroy();
    await sleep(50);
    (answer as (approval: Approval) => void)({ verdict: "allow", forSession: false, reason: null, by: "terminal" });
    await sleep(200);
    expect(asking.stub.seen).toEqual([]);
  });

  test("an approval is for one body: another call asks again", async () => {
    const asked: string[] = [];
    const ask = async ({ parameters }: { readonly parameters: string }): Promise<Approval> => {
      asked.push(parameters);
      return { verdict: asked.length === 1 ? "allow" : "deny", forSession: false, reason: null, by: "terminal" };
    };
    await using asking = await startGatewayLab({ decide: () => "ask", ask });
    const stop = "Action=StopInstances&InstanceId.1=i-00000000000000b0d&Version=2016-11-15";
    expect(await callRaw(asking.url, { body: stop })).toMatchObject({ status: 200 });
    const other = await callRaw(asking.url, { body: stop.replace("b0d", "a0d") });
    expect(other).toMatchObject({ status: 403 });
    await sleep(1_100);
    expect(await callRaw(asking.url, { body: stop })).toMatchObject({ status: 403 });
    expect(asked).toEqual(["InstanceId.1=i-00000000000000b0d", "InstanceId.1=i-00000000000000a0d", asked[0]]);
    expect(asking.stub.seen).toHaveLength(1);
  });
});

test("websockets, SigV4A and streams of events to AWS are refused with words", async () => {
  const upgrade = { connection: "upgrade", upgrade: "websocket" };
  expect(await expectRefused(callRaw(lab.url, { service: "transcribe", headers: upgrade }))).toContain("airlock: ");
  const headers = signRaw(lab.url, {});
  const authorization = (headers["authorization"] ?? "").replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
  expect(await expectRefused(sendRaw(lab.url, {}, { ...headers, authorization }))).toContain("multi-region");
  const payload = "STREAMING-AWS4-HMAC-SHA256-EVENTS";
  const path = "/model/m/converse-stream";
  const events = callRaw(lab.url, { service: "bedrock", path, payload });
  expect(await expectRefused(events)).toContain("streams of events");
});
