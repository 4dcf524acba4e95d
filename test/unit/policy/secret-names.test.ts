import { describe, expect, test } from "vitest";
import { judgeDependencyName, judgeName } from "../../../src/policy/secret-names.js";
import { fileHoldsSecret, holdsSecret } from "../../../src/policy/sniff.js";
import { scratchFolder } from "./scratch-folder.js";

const byName = [
  [".env", "environment file"],
  [".ENV", "environment file"],
  [".env.local", "environment file"],
  [".env.production", "environment file"],
  [".env.example.local", "environment file"],
  ["id_rsa", "private key or certificate"],
  ["id_ed25519_sk", "private key or certificate"],
  ["server.pem", "private key or certificate"],
  ["Server.KEY", "private key or certificate"],
  ["a.p12", "private key or certificate"],
  ["a.pfx", "private key or certificate"],
  ["a.jks", "private key or certificate"],
  ["a.keystore", "private key or certificate"],
  ["a.ppk", "private key or certificate"],
  ["terraform.tfstate", "terraform state"],
  ["terraform.tfstate.backup", "terraform state"],
  ["terraform.tfstate.1700000000.backup", "terraform state"],
  [".git-credentials", "stored login"],
] as const;

const harmless = [
  ".env.example",
  ".env.sample",
  ".env.template",
  ".env.dist",
  ".env.local.example",
  "id_rsa.pub",
  "key.ts",
  "main.tf",
  "index.ts",
  "keyboard.svg",
  "README.md",
];

describe("a file's name", () => {
  test.each(byName)("%s alone hides it as %s", (name, rule) => {
    expect(judgeName(name)).toEqual({ rule, look: "name" });
  });

  test.each(harmless)("%s hides nothing", (name) => {
    expect(judgeName(name)).toBeUndefined();
  });

  test.each([
    [".npmrc", "tokens"],
    [".pypirc", "tokens"],
    [".netrc", "tokens"],
    ["prod-1234.json", "cloud-keys"],
    ["deploy_key", "keys"],
    ["env", "keys"],
    [".envrc", "keys"],
    ["ca.crt", "keys"],
    ["ssh-key.txt", "keys"],
  ])("%s has to be opened to look for %s", (name, look) => {
    expect(judgeName(name)?.look).toBe(look);
  });

  test("in installed packages is all that counts, but for certificates that packages need", () => {
    expect(judgeDependencyName("data.json")).toBeUndefined();
    expect(judgeDependencyName("LICENSE")).toBeUndefined();
    expect(judgeDependencyName(".env")?.look).toBe("name");
    expect(judgeDependencyName("server.key")?.look).toBe("name");
    expect(judgeDependencyName("cacert.pem")?.look).toBe("private-keys");
  });
});

const pem = (label: string): string => `-----BEGIN ${label}-----\nMIIB\n-----END ${label}-----\n`;

const secrets: readonly (readonly [Parameters<typeof holdsSecret>[0], string, string | Buffer])[] = [
  ["keys", "a private key", pem("PRIVATE KEY")],
  ["keys", "an RSA key", pem("RSA PRIVATE KEY")],
  ["keys", "an OpenSSH key", pem("OPENSSH PRIVATE KEY")],
  ["keys", "a PGP key", pem("PGP PRIVATE KEY BLOCK")],
  ["keys", "an SSH2 key", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment"],
  ["keys", "a key with a byte order mark", `\ufeff${pem("PRIVATE KEY")}`],
  ["keys", "a key with Windows line ends", pem("EC PRIVATE KEY").replaceAll("\n", "\r\n")],
  ["keys", "a key in UTF-16", Buffer.from(`\ufeff${pem("PRIVATE KEY")}`, "utf16le")],
  ["keys", "a key after its attributes", `Bag Attributes\n  x: y\n${pem("PRIVATE KEY")}`],
  ["keys", "a certificate", pem("CERTIFICATE")],
  ["keys", "a PuTTY key", "PuTTY-User-Key-File-3: ssh-ed25519\n"],
  ["keys", "an age key", "# created: now\nAGE-SECRET-KEY-1ABC\n"],
  ["keys", "an age file", "age-encryption.org/v1\n-> X25519 abc\n"],
  ["keys", "AWS credentials", "[default]\naws_secret_access_key = abc\n"],
  ["keys", "a Java key store", Buffer.from("feedfeed00000002", "hex")],
  ["keys", "DER", Buffer.from("308203b930820", "hex")],
  ["keys", "a GitHub token", `ghp_${"a".repeat(36)}`],
  ["tokens", "an npm token", "//registry.example.org/:_authToken=npm_abc\n"],
  ["tokens", "an npm password", "registry=x\n_auth = YWJj\n"],
  ["tokens", "a PyPI password", "[pypi]\nusername = __token__\npassword = pypi-abc\n"],
  ["tokens", "a netrc login", "machine example.org login me password secret\n"],
  ["tokens", "a password in an address", "index-url = https://me:secret@example.org/\n"],
  ["cloud-keys", "a service account", '{ "type": "service_account", "project_id": "x" }'],
  ["cloud-keys", "a private key", '{"private_key": "-----BEGIN PRIVATE KEY-----\\n"}'],
  ["cloud-keys", "AWS credentials", '{"Credentials": {"SecretAccessKey": "abcdefghijkl"}}'],
  ["cloud-keys", "an OAuth client", '{"installed": {"client_secret": "abcdefghijkl"}}'],
  ["cloud-keys", "a JWK", '{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}'],
  ["cloud-keys", "a registry login", '{"auths": {"example.org": {"auth": "bWU6c2VjcmV0"}}}'],
];

const innocent: readonly (readonly [Parameters<typeof holdsSecret>[0], string, string])[] = [
  ["keys", "a public key", pem("PUBLIC KEY")],
  ["keys", "a script that mentions a header", "grep -q '-----BEGIN RSA PRIVATE KEY-----' file\n"],
  ["keys", "a licence", "Apache License\n"],
  ["tokens", "a reference to a variable", `//registry.example.org/:_authToken=\${NPM_TOKEN}\n`],
  ["tokens", "settings without a token", "registry=https://registry.example.org/\nsave-exact=true\n"],
  ["cloud-keys", "a package", '{"name": "x", "type": "module", "private": true}'],
  ["private-keys", "public certificates", pem("CERTIFICATE")],
];

describe("a file's first bytes", () => {
  test.each(secrets)("(%s) show %s", (look, _, content) => {
    expect(holdsSecret(look, Buffer.from(content))).toBe(true);
  });

  test.each(innocent)("(%s) of %s show nothing", (look, _, content) => {
    expect(holdsSecret(look, Buffer.from(content))).toBe(false);
  });

  test.each(["keys", "tokens", "cloud-keys"] as const)("made to be slow are not (%s)", (look) => {
    const hostile = ["\n", '"kty":', "_auth", "://a", '"auths":{', "-----BEGIN ", "password ", '"private_key" ', " "];
    const start = performance.now();
    for (const text of hostile) holdsSecret(look, Buffer.from(text.repeat(65_536 / text.length)));
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  test("are not waited for from a pipe, and not read through a symbolic link", async () => {
    using scratch = scratchFolder();
    const { execFileSync } = await import("node:child_process");
    const { symlinkSync } = await import("node:fs");
    execFileSync("mkfifo", [`${scratch.path}/pipe`]);
    const key = scratch.write("key", pem("PRIVATE KEY"));
    symlinkSync(key, `${scratch.path}/link`);
    expect(fileHoldsSecret(`${scratch.path}/pipe`, "keys")).toBe(false);
    expect(fileHoldsSecret(`${scratch.path}/link`, "keys")).toBe(false);
    expect(fileHoldsSecret(`${scratch.path}/gone`, "keys")).toBe(false);
    expect(fileHoldsSecret(key, "keys")).toBe(true);
  });

  test("of a bundle count to its end, and a bundle too long to read counts as a key", () => {
    using scratch = scratchFolder();
    const certificates = pem("CERTIFICATE").repeat(10_000);
    expect(fileHoldsSecret(scratch.write("a.pem", certificates), "private-keys")).toBe(false);
    expect(fileHoldsSecret(scratch.write("b.pem", certificates + pem("PRIVATE KEY")), "private-keys")).toBe(true);
    expect(fileHoldsSecret(scratch.write("c.pem", certificates.repeat(3)), "private-keys")).toBe(true);
  });
});
