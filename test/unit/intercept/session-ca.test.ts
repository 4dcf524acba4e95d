import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { identifier, integer, time } from "../../../src/intercept/der.js";
import { SessionCa } from "../../../src/intercept/session-ca.js";
import { TlsEnd } from "../../../src/intercept/tls-end.js";

const folder = mkdtempSync(join(tmpdir(), "airlock-ca-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const openssl = (...args: string[]): string => execFileSync("openssl", args, { stdio: "pipe" }).toString();

/** What a client finds that asks for a name, as the PEM of the leaf; an error's code when it is refused. */
async function askFor(end: TlsEnd, host: string, servername: string, ca: string): Promise<string> {
  const broken: string[] = [];
  const { socket } = await end.begin({
    host,
    opened: (inner) => inner.end("hello"),
    broken: (why) => broken.push(why),
  });
  return await new Promise((resolve) => {
    const client: TLSSocket = connect({ socket, servername, ca, ALPNProtocols: ["http/1.1"] });
    client.once("secureConnect", () => resolve(client.getPeerX509Certificate()?.toString() ?? "no certificate"));
    client.once("error", (error) =>
      setImmediate(() => resolve([("code" in error && error.code) || error.message, ...broken].join(" "))),
    );
  });
}

describe("the session's authority", () => {
  it("makes certificates that openssl verifies, for one name and for servers alone", async () => {
    const ca = await SessionCa.make("brisk-otter-3f2a");
    const leaf = await askFor(new TlsEnd(ca), "api.example.com", "api.example.com", ca.certificate);
    writeFileSync(join(folder, "ca.pem"), ca.certificate);
    writeFileSync(join(folder, "leaf.pem"), leaf);
    const verify = ["verify", "-x509_strict", "-CAfile", join(folder, "ca.pem"), "-purpose", "sslserver"];
    expect(openssl(...verify, "-verify_hostname", "api.example.com", join(folder, "leaf.pem"))).toContain(": OK");
    expect(() => openssl(...verify, "-verify_hostname", "example.com", join(folder, "leaf.pem"))).toThrow();
    const text = openssl("x509", "-in", join(folder, "leaf.pem"), "-noout", "-text");
    expect(text).toMatch(
      /CA:FALSE[\s\S]*Digital Signature\n[\s\S]*TLS Web Server Authentication\n[\s\S]*DNS:api\.example\.com\n/,
    );
    expect(openssl("x509", "-in", join(folder, "ca.pem"), "-noout", "-text")).toMatch(/CA:TRUE, pathlen:0/);
  });

  it("is one for each session: no other authority's leaf is trusted, and the gate says why it failed", async () => {
    const [one, other] = [await SessionCa.make("one"), await SessionCa.make("one")];
    const said = await askFor(new TlsEnd(one), "api.example.com", "api.example.com", other.certificate);
    expect(said).toMatch(/^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER)/);
  });

  it("makes no leaf for a name that the connection is not for", async () => {
    const ca = await SessionCa.make("one");
    const said = await askFor(new TlsEnd(ca), "api.example.com", "other.example.com", ca.certificate);
    expect(said).not.toContain("BEGIN CERTIFICATE");
  });

  it("keeps a leaf, renews it before its end, and holds no more than its bound", async () => {
    let now = Date.now();
    const ca = await SessionCa.make("one", () => now);
    const first = await ca.leafFor("a.example.com");
    expect(await ca.leafFor("a.example.com")).toBe(first);
    now += 36 * 3_600_000;
    expect(await ca.leafFor("a.example.com")).not.toBe(first);
    const kept = await ca.leafFor("a.example.com");
    await Promise.all(Array.from({ length: 500 }, (_, at) => ca.leafFor(`n${at}.example.com`)));
    expect(await ca.leafFor("a.example.com")).not.toBe(kept);
    await expect(ca.leafFor("a\0b")).rejects.toThrow("no certificate");
  });

  it("says what may be wrong when a client breaks off", async () => {
    const ca = await SessionCa.make("one");
    const why = await new Promise<string>((resolve) => {
      void new TlsEnd(ca)
        .begin({ host: "a.example.com", opened: () => resolve("opened"), broken: resolve })
        .then(({ socket }) => {
          execClient(socket);
        });
    });
    expect(why).toContain("if it does not trust the session's certificate");
  });
});

// A program that knows no such authority, as most that come with their own.
function execClient(socket: import("node:stream").Duplex): void {
  const client = connect({ socket, servername: "a.example.com", ca: [] });
  client.on("error", () => undefined);
}

describe("DER", () => {
  it("writes numbers, identifiers and moments as openssl reads them", () => {
    const parse = (bytes: Buffer): string =>
      execFileSync("openssl", ["asn1parse", "-inform", "DER"], { input: bytes }).toString();
    expect(parse(identifier("1.2.840.10045.4.3.2"))).toContain("ecdsa-with-SHA256");
    expect(parse(integer(Buffer.from([0, 0, 0x80, 1])))).toMatch(/INTEGER\s+:8001/);
    expect(parse(time(new Date("2049-12-31T23:59:59Z")))).toMatch(/UTCTIME\s+:491231235959Z/);
    expect(parse(time(new Date("2050-01-01T00:00:00Z")))).toMatch(/GENERALIZEDTIME\s+:20500101000000Z/);
  });

  it("writes every number in its shortest form, and never a negative one", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        const made = integer(Buffer.from(bytes));
        const body = made.subarray(2);
        expect([made[0], made[1], (body[0] ?? 0) < 0x80]).toEqual([2, body.length, true]);
        expect(BigInt(`0x${body.toString("hex")}`)).toBe(BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
        if (body.length > 1 && body[0] === 0) expect(body[1]).toBeGreaterThanOrEqual(0x80);
      }),
    );
  });
});
