/** How a file is judged: by its name alone, or by what its first bytes are. */
export type LookAt = "name" | "keys" | "private-keys" | "tokens" | "cloud-keys";

/** A name that belongs, or may belong, to a secret. */
export interface NameVerdict {
  readonly rule: string;
  readonly look: LookAt;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const harmlessEnvironments = words("example sample template dist");
const sshKeys = words("id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk id_xmss");
const keyEndings = words("key p12 pfx jks keystore ppk");
const tokenFiles = words(".npmrc .pypirc .netrc _netrc");
const armourEndings = words("crt cer cert asc gpg pgp sec priv age");
/** Endings under which a key may hide when the rest of the name speaks of one. */
const plainEndings = words("txt bak old orig backup save conf cfg ini yaml yml xml tmp");
const telling = /key|cert|secret|credential|token|private|passw|ident|ssh|rsa|ed25519|pgp|gpg/;

const environment: NameVerdict = { rule: "environment file", look: "name" };
const privateKey: NameVerdict = { rule: "private key or certificate", look: "name" };
const publicMaybe: NameVerdict = { rule: "private key or certificate", look: "private-keys" };
const keyByContent: NameVerdict = { rule: "key or token", look: "keys" };
const terraform: NameVerdict = { rule: "terraform state", look: "name" };
const storedLogin: NameVerdict = { rule: "stored login", look: "name" };
const token: NameVerdict = { rule: "access token", look: "tokens" };
const cloudKey: NameVerdict = { rule: "cloud key", look: "cloud-keys" };

function endingOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1) : "";
}

/** Judges a file's name; upper and lower case are the same. Undefined: nothing speaks for a secret. */
export function judgeName(originalName: string): NameVerdict | undefined {
  const name = originalName.toLowerCase();
  const ending = endingOf(name);
  if (ending === "json") return cloudKey;
  if (name === ".env" || name.startsWith(".env.")) return harmlessEnvironments.has(ending) ? undefined : environment;
  if (ending === "pem" || keyEndings.has(ending) || sshKeys.has(name)) return privateKey;
  if (/\.tfstate(?:\.[0-9]+)?(?:\.backup)?$/.test(name)) return terraform;
  if (name === ".git-credentials") return storedLogin;
  if (tokenFiles.has(name)) return token;
  if (ending === "" || armourEndings.has(ending)) return keyByContent;
  return plainEndings.has(ending) && telling.test(name) ? keyByContent : undefined;
}

const dependencyFolders = words("node_modules bower_components site-packages dist-packages");

/** Whether a folder holds installed packages: published, so their contents are no secret of the user's. */
export function isDependencyFolder(name: string): boolean {
  return dependencyFolders.has(name);
}

/** Judges a name inside installed packages, where public certificates are needed and contents are not looked at. */
export function judgeDependencyName(originalName: string): NameVerdict | undefined {
  const verdict = judgeName(originalName);
  if (verdict === privateKey && endingOf(originalName.toLowerCase()) === "pem") return publicMaybe;
  return verdict?.look === "name" || verdict?.look === "tokens" ? verdict : undefined;
}
