import { closeSync, constants, openSync, readSync } from "node:fs";
import { systemCodeOf } from "../base/errors.js";
import { secretReasons } from "../risk/secret-content.js";
import type { LookAt } from "./secret-names.js";

type Content = Exclude<LookAt, "name">;

const armour = /^(?:\xef\xbb\xbf)?-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}\r?$/m;
const certificate = /^(?:\xef\xbb\xbf)?-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\r?$/m;
const otherKeys =
  /^PuTTY-User-Key-File-\d|^AGE-SECRET-KEY-|^age-encryption\.org\/v|^[ \t]*aws_secret_access_key[ \t]*[=:][ \t]*\S/im;

// `${NPM_TOKEN}` is a reference, which repositories carry on purpose.
const tokens: readonly RegExp[] = [
  /^[^#;\n]*_(?:authToken|auth|password)[ \t]*=[ \t]*["']?(?!\$\{)[^\s"']/im,
  /^[ \t]*(?:password|token)[ \t]*[=:][ \t]*(?!\$\{)\S/im,
  /\b(?:password|account)\s+(?!\$\{)\S/i,
  /:\/\/[^\s/:@]+:(?!\$\{)[^\s/@]+@/,
  /^[ \t]*(?:key|cert)[ \t]*=[ \t]*["']?-----BEGIN/im,
];

// Repetitions are bounded: the files are hostile, and a start must not hang on one of them.
const cloudKeys: readonly RegExp[] = [
  /"private_key"\s*:\s*"-----BEGIN/,
  /"type"\s*:\s*"(?:service_account|authorized_user|external_account_authorized_user|impersonated_service_account)"/,
  /"(?:SecretAccessKey|aws_secret_access_key|secret_access_key|secretAccessKey)"\s*:\s*"[^"]{8}/,
  /"client_?[sS]ecret"\s*:\s*"[^"]{8}/,
  /"(?:refresh_token|private_key_pem|privateKey)"\s*:\s*"[^"]{16}/,
  /"kty"\s*:[^}]{0,2000}"d"\s*:\s*"[^"]{16}|"d"\s*:\s*"[^"]{16}[^}]{0,2000}"kty"\s*:/,
  /"auths"\s*:\s*\{[^}]{0,4000}"(?:auth|identitytoken)"\s*:\s*"[^"]{4}/,
];

// Key stores in binary, whatever they are called: Java's, and KeePass.
const magics = ["feedfeed", "cececece", "03d9a29a"].map((hex) => Buffer.from(hex, "hex").toString("latin1"));

// DER: a SEQUENCE with a two-byte length that begins with a SEQUENCE, a version or an object's name.
const isDer = (text: string): boolean => text.startsWith("0\x82") && ["0", "\x02", "\x06"].includes(text.charAt(4));

const isKey = (text: string): boolean =>
  [armour, certificate, otherKeys].some((each) => each.test(text)) ||
  magics.some((each) => text.startsWith(each)) ||
  isDer(text);

const tests: Readonly<Record<Content, (text: string) => boolean>> = {
  keys: isKey,
  "private-keys": (text) => text.includes("PRIVATE KEY"),
  tokens: (text) => tokens.some((each) => each.test(text)),
  "cloud-keys": (text) => cloudKeys.some((each) => each.test(text)),
};

// A program that only mentions a key's header is none, so headers count at the start of a line and are left to `armour`.
const holdsKnownToken = (bytes: Buffer): boolean =>
  secretReasons(() => "", bytes.toString("latin1")).some((reason) => !reason.includes("private key"));

/** How much of a file is looked at: a key or token starts early. A bundle of certificates may end in a key, so it is read whole. */
const looksAt: Readonly<Record<Exclude<Content, "private-keys">, number>> = {
  keys: 8 << 10,
  tokens: 64 << 10,
  "cloud-keys": 16 << 10,
};

/** Whether bytes, taken from the front of a file, are a secret of the kind looked for. */
export function holdsSecret(look: Content, bytes: Buffer): boolean {
  // UTF-16, as Windows tools write it.
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe;
  const plain = wide ? Buffer.from(bytes.toString("utf16le").slice(1), "latin1") : bytes;
  return tests[look](plain.toString("latin1")) || (look !== "private-keys" && holdsKnownToken(plain));
}

const scratch = Buffer.allocUnsafe(1 << 20);
const harmlessFailures = new Set(["ENOENT", "ELOOP", "EMLINK", "EISDIR", "ENXIO", "EAGAIN"]);

/**
 * Opens a file and tells whether it holds a secret. What cannot be read counts as one: its owner, and so the agent, could make
 * it readable inside. A symbolic link is not followed, a pipe not waited for; they hold nothing by themselves.
 */
export function fileHoldsSecret(path: string | Buffer, look: Content): boolean {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
    const length = look === "private-keys" ? readAll(file) : readSync(file, scratch, 0, looksAt[look], null);
    // More public certificates than anybody looks through: take it for what its name says.
    if (look === "private-keys" && length === scratch.length) return true;
    return length > 0 && holdsSecret(look, scratch.subarray(0, length));
  } catch (error) {
    return !harmlessFailures.has(systemCodeOf(error) ?? "");
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function readAll(file: number): number {
  let length = 0;
  for (let read = -1; read !== 0 && length < scratch.length; length += read) {
    read = readSync(file, scratch, length, scratch.length - length, null);
  }
  return length;
}
