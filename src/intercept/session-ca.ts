import { createHash, generateKeyPair, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv6 } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { promisify } from "node:util";
import { bits, explicit, identifier, implicit, integer, octets, sequence, set, time, truth, utf8 } from "./der.js";

const generate = promisify(generateKeyPair);

const dayMs = 86_400_000;
/** As long as a supervisor may live; whoever lives longer gets another by starting anew. */
const authorityMs = 90 * dayMs;
const leafMs = 2 * dayMs;
/** A leaf is made anew while it still holds for all who see it. */
const renewMs = dayMs;
/** The clock inside may be another machine's. */
const skewMs = dayMs;
const maxLeaves = 500;

const ids = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKey: "2.5.29.14",
  keyUsage: "2.5.29.15",
  alternativeName: "2.5.29.17",
  constraints: "2.5.29.19",
  authorityKey: "2.5.29.35",
  extendedUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
};

const algorithm = (): Buffer => sequence(identifier(ids.ecdsaWithSha256));
const nameOf = (common: string): Buffer => sequence(set(sequence(identifier(ids.commonName), utf8(common))));
const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
  sequence(identifier(id), ...(isCritical ? [truth()] : []), octets(value));

interface Certified {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly from: number;
  readonly until: number;
  readonly extensions: readonly Buffer[];
}

const keyBytes = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });
const keyId = (key: KeyObject): Buffer => createHash("sha256").update(keyBytes(key)).digest().subarray(0, 20);

function certificate({ subject, issuer, publicKey, from, until, extensions }: Certified, signer: KeyObject): string {
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    // Positive, and long enough that no two are alike.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm(),
    nameOf(issuer),
    sequence(time(new Date(from)), time(new Date(until))),
    nameOf(subject),
    keyBytes(publicKey),
    explicit(3, sequence(...extensions)),
  );
  const whole = sequence(body, algorithm(), bits(sign("sha256", body, signer)));
  const lines = whole.toString("base64").replace(/.{1,64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

const leafExtensions = (host: string, key: KeyObject, authority: KeyObject): Buffer[] => [
  extension(ids.constraints, sequence(), true),
  // digitalSignature alone: what ECDSA suites need.
  extension(ids.keyUsage, bits(Buffer.from([0x80]), 7), true),
  extension(ids.extendedUsage, sequence(identifier(ids.serverAuth))),
  extension(ids.subjectKey, octets(keyId(key))),
  extension(ids.authorityKey, sequence(implicit(0, keyId(authority)))),
  // The subject is empty of meaning: a name may be longer than a common name can be.
  extension(ids.alternativeName, sequence(implicit(2, Buffer.from(host)))),
];

interface Leaf {
  readonly context: SecureContext;
  readonly renewAt: number;
}

/**
 * The certificate authority of one sandbox, for as long as the process that holds its wire: the key is made in memory and is nowhere else. Its
 * certificate is for the sandbox to trust, and for nobody else.
 */
export class SessionCa {
  /** The certificate, which is no secret. */
  readonly certificate: string;
  readonly #name: string;
  readonly #key: KeyObject;
  readonly #public: KeyObject;
  readonly #now: () => number;
  readonly #leaves = new Map<string, Promise<Leaf>>();

  private constructor(
    name: string,
    keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
    now: () => number,
  ) {
    this.#name = name;
    this.#key = keys.privateKey;
    this.#public = keys.publicKey;
    this.#now = now;
    const from = now() - skewMs;
    this.certificate = certificate(
      {
        ...{ subject: name, issuer: name, publicKey: keys.publicKey, from, until: now() + authorityMs },
        extensions: [
          // A path of length 0: it signs leaves, and no other authority.
          extension(ids.constraints, sequence(truth(), integer(Buffer.from([0]))), true),
          extension(ids.keyUsage, bits(Buffer.from([0x06]), 1), true),
          extension(ids.subjectKey, octets(keyId(keys.publicKey))),
        ],
      },
      keys.privateKey,
    );
  }

  static async make(session: string, now: () => number = Date.now): Promise<SessionCa> {
    const keys = await generate("ec", { namedCurve: "P-256" });
    // One common name for two authorities would let a client look for the issuer at the wrong one.
    const name = `Airlock, session ${session.slice(0, 30)} ${randomBytes(4).toString("hex")}`;
    return new SessionCa(name, keys, now);
  }

  /** What a server for this name needs; made once, kept while it is used, and renewed before its end. */
  async leafFor(host: string): Promise<SecureContext> {
    const known = this.#leaves.get(host);
    const leaf = await known;
    if (known !== undefined && leaf !== undefined && this.#now() < leaf.renewAt) {
      this.#leaves.delete(host);
      this.#leaves.set(host, known);
      return leaf.context;
    }
    const made = this.#makeLeaf(host);
    this.#leaves.set(host, made);
    made.catch(() => this.#leaves.delete(host));
    const oldest = this.#leaves.keys().next();
    if (this.#leaves.size > maxLeaves && oldest.done !== true) this.#leaves.delete(oldest.value);
    return (await made).context;
  }

  async #makeLeaf(host: string): Promise<Leaf> {
    if (isIPv6(host) || !/^[a-z0-9._-]{1,253}$/.test(host)) throw new Error("no certificate is made for that name");
    const { publicKey, privateKey } = await generate("ec", { namedCurve: "P-256" });
    const now = this.#now();
    const cert = certificate(
      {
        ...{ subject: "Airlock", issuer: this.#name, publicKey, from: now - skewMs, until: now + leafMs },
        extensions: leafExtensions(host, publicKey, this.#public),
      },
      this.#key,
    );
    const key = privateKey.export({ type: "pkcs8", format: "pem" });
    const context = createSecureContext({ key, cert: `${cert}${this.certificate}`, minVersion: "TLSv1.2" });
    return { context, renewAt: now + renewMs };
  }
}
