import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secret } from "../../../src/base/secret.js";
import { canonicalPairs, canonicalPath } from "../../../src/gateway/canonical.js";
import { readClaim } from "../../../src/gateway/claim.js";
import { type Inbound, readInbound } from "../../../src/gateway/inbound.js";
import { ReplayGuard } from "../../../src/gateway/replay-guard.js";
import { sha256, signedHeaders } from "../../../src/gateway/signature.js";
import { checkClaim, isRightSignature } from "../../../src/gateway/verify.js";
import { verifySignature } from "../../support/aws/verify-signature.js";

const placeholder = { accessKeyId: "ASIAAIRLOCKAIRLOCK01", secretAccessKey: "a secret", sessionToken: "a token" };
const keys = {
  accessKeyId: placeholder.accessKeyId,
  secretAccessKey: new Secret(placeholder.secretAccessKey),
  sessionToken: new Secret(placeholder.sessionToken),
};
const now = Date.UTC(2026, 10, 23, 12);

const inboundOf = (method: string, url: string, headers: Readonly<Record<string, string>>): Inbound => {
  const rawHeaders = Object.entries(headers).flat();
  const inbound = readInbound({ method, url, rawHeaders }, Readable.from([]), () => undefined);
  if (typeof inbound === "string") throw new Error(inbound);
  return inbound;
};

function signed(method: string, path: string, query: string, service = "s3", body = "the body") {
  const headers = { host: "127.0.0.1:3129", "x-amz-meta-a": "two  words " };
  const unsigned = { method, path, query, headers, payload: sha256(body) };
  const all = signedHeaders(unsigned, keys, { region: "eu-central-1", service, now });
  return { all, url: query === "" ? path : `${path}?${query}` };
}

const judge = (inbound: Inbound, payload: string): boolean => {
  const claim = readClaim(inbound);
  if (typeof claim === "string" || checkClaim(claim, inbound, placeholder, now) !== null) return false;
  return isRightSignature(claim, inbound, placeholder, payload);
};

// As clients send them: printable, the rest percent-encoded.
const wireText = fc.string({ unit: "binary", maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed()));
const segment = wireText.filter((text) => !/^(\.|%2e){1,2}$/i.test(text));
const wirePath = fc
  .array(
    segment.filter((text) => text !== ""),
    { maxLength: 4 },
  )
  .map((parts) => `/${parts.join("/")}`);
const wireQuery = fc
  .array(
    fc.tuple(
      wireText.filter((name) => name !== "" && !/^x-amz-/i.test(name)),
      wireText,
    ),
    { maxLength: 4 },
  )
  .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join("&"));

describe("signatures", () => {
  test("what was signed is right, and every other body, path or header is not", () => {
    const { all, url } = signed("PUT", "/photos/a%20b%2Bc", "partNumber=1&uploadId=x%2Fy");
    const payload = sha256("the body");
    expect(judge(inboundOf("PUT", url, all), payload)).toBe(true);
    expect(judge(inboundOf("PUT", url, all), sha256("another"))).toBe(false);
    expect(judge(inboundOf("POST", url, all), payload)).toBe(false);
    expect(judge(inboundOf("PUT", url.replace("photos", "secret"), all), payload)).toBe(false);
    expect(judge(inboundOf("PUT", url.replace("=1", "=2"), all), payload)).toBe(false);
    expect(judge(inboundOf("PUT", url, { ...all, "x-amz-meta-a": "other" }), payload)).toBe(false);
    expect(judge(inboundOf("PUT", url, { ...all, "x-amz-acl": "public-read" }), payload)).toBe(false);
  });

  test("of any path and query an independent verifier thinks as this one", () => {
    fc.assert(
      fc.property(wirePath, wireQuery, fc.constantFrom("s3", "lambda"), (path, query, service) => {
        const { all, url } = signed("POST", path, query, service);
        expect(judge(inboundOf("POST", url, all), sha256("the body"))).toBe(true);
        const key = { secret: placeholder.secretAccessKey, token: placeholder.sessionToken, expiresAt: null };
        const request = { method: "POST", target: url, headers: all, body: Buffer.from("the body") };
        expect(verifySignature(request, () => key, now)).toMatchObject({ ok: true, service });
      }),
    );
  });

  test.each([
    ["a key of another sandbox", { accessKeyId: "ASIAAIRLOCKAIRLOCK02" }],
    ["a token of another sandbox", { sessionToken: "another" }],
    ["a secret of another sandbox", { secretAccessKey: "another" }],
  ])("%s is refused", (_, change) => {
    const { all, url } = signed("GET", "/", "");
    const inbound = inboundOf("GET", url, all);
    const claim = readClaim(inbound);
    if (typeof claim === "string") throw new Error(claim);
    const other = { ...placeholder, ...change };
    const isRight =
      checkClaim(claim, inbound, other, now) === null && isRightSignature(claim, inbound, other, sha256("the body"));
    expect(isRight).toBe(false);
  });

  test("a signature that is too old, or from the future, is refused", () => {
    const { all, url } = signed("GET", "/", "");
    const inbound = inboundOf("GET", url, all);
    const claim = readClaim(inbound);
    if (typeof claim === "string") throw new Error(claim);
    expect(checkClaim(claim, inbound, placeholder, now + 299_000)).toBeNull();
    expect(checkClaim(claim, inbound, placeholder, now + 301_000)).toContain("too old");
    expect(checkClaim(claim, inbound, placeholder, now - 301_000)).toContain("future");
  });
});

describe("forms", () => {
  test.each(["/a/../b", "/a/%2e%2e/b", "/a/.%2E/b", "/./a", "/a/%2e"])("dot segments are refused: %s", (path) => {
    expect(canonicalPath(path, "s3")).toBeNull();
    expect(canonicalPath(path, "lambda")).toBeNull();
  });

  test("empty segments are part of a key of S3, and of nothing else", () => {
    expect(canonicalPath("/bucket//a//b", "s3")?.sent).toBe("/bucket//a//b");
    expect(canonicalPath("/2015-03-31//functions", "lambda")).toBeNull();
  });

  test("every way to write a path or a query becomes one", () => {
    fc.assert(
      fc.property(wirePath, (path) => {
        const once = canonicalPath(path, "s3")?.sent ?? "";
        expect(canonicalPath(once, "s3")?.sent).toBe(once);
        const mixed = once.replace(/%[0-9A-F]{2}/g, (each) => each.toLowerCase());
        expect(canonicalPath(mixed, "s3")?.sent).toBe(once);
      }),
    );
    expect(canonicalPairs("b=2&a=%41&a=1+2&c")).toEqual([
      ["a", "1%2B2"],
      ["a", "A"],
      ["b", "2"],
      ["c", ""],
    ]);
    expect(canonicalPairs("a=%zz")).toBeNull();
    expect(canonicalPath("/%4", "s3")).toBeNull();
  });

  test.each([
    [["Host", "a", "host", "b"], "twice"],
    [["authorization", "a", "Authorization", "b"], "twice"],
    [["bad name", "a"], "name is none"],
    [["x-a", "a\u0000b"], "control character"],
  ])("headers that two could read differently are refused: %j", (rawHeaders, why) => {
    expect(readInbound({ method: "GET", url: "/", rawHeaders }, Readable.from([]), () => undefined)).toContain(why);
  });

  test.each(["http://s3.amazonaws.com/", "//x y", "/a#b", "*", "/\u0001"])("no path: %j", (url) => {
    const read = readInbound({ method: "GET", url, rawHeaders: [] }, Readable.from([]), () => undefined);
    expect(read).toBe("a target that is no path");
  });

  test.each([
    ["a request without a signature", "", {}],
    ["two signatures", "X-Amz-Signature=0", { authorization: "AWS4-HMAC-SHA256 x" }],
    ["a token in the query beside a signature in the head", "x-amz-security-token=0", { authorization: "x" }],
    ["SigV4A", "", { authorization: "AWS4-ECDSA-P256-SHA256 Credential=x" }],
  ])("%s is refused", (_, query, headers) => {
    expect(readClaim(inboundOf("GET", `/?${query}`, headers))).toEqual(expect.any(String));
  });
});

test("a signature comes back within its second, and never again", () => {
  const guard = new ReplayGuard();
  expect(guard.admits("a", now, now)).toBe(true);
  expect(guard.admits("a", now, now + 1_000)).toBe(true);
  expect(guard.admits("a", now, now + 10_000)).toBe(false);
  expect(guard.admits("a", now, now + 290_000)).toBe(false);
  expect(guard.admits("b", now + 10_000, now + 10_000)).toBe(true);
});
