import { isIPv4, isIPv6 } from "node:net";

/** A host as a client may name it, in the one form that rules are compared with. */
export interface Host {
  readonly kind: "name" | "address";
  readonly text: string;
}

const label = /^(?!-)[a-z0-9_-]{1,63}$/;
const looksLikeNumber = /^(\d+|0x[0-9a-f]*)$/;

function addressSix(text: string): Host | null {
  // No zone: fe80::1%eth0 names an interface of this machine.
  if (!isIPv6(text) || text.includes("%")) return null;
  return { kind: "address", text: new URL(`http://[${text}]/`).hostname.slice(1, -1) };
}

/**
 * The canonical form of a host: lower case, without one trailing dot. Null for what is none: other characters (also those that a
 * resolver would fold into dots, digits or letters), labels or names too long, and addresses in any notation but the plain
 * one (`2852039166`, `0xa9.0xfe.43518`, `0251.0376.1`), which some programs take for the address behind it.
 */
export function canonicalHost(given: string): Host | null {
  if (given.startsWith("[") && given.endsWith("]")) return addressSix(given.slice(1, -1));
  if (given.includes(":")) return addressSix(given);
  const text = given.toLowerCase().replace(/\.$/, "");
  // toLowerCase also folds letters beyond ASCII (the Kelvin sign is one): what was not ASCII before is refused.
  if (!/^[A-Za-z0-9._-]{1,254}$/.test(given) || text.length > 253) return null;
  const labels = text.split(".");
  if (!labels.every((each) => label.test(each))) return null;
  if (!looksLikeNumber.test(labels.at(-1) ?? "")) return { kind: "name", text };
  return isIPv4(text) ? { kind: "address", text } : null;
}

/** Parses `host:port` as a client writes it: nothing before, between or after. */
export function parseAuthority(text: string): { readonly host: Host; readonly port: number } | null {
  const match = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,254}):([0-9]{1,5})$/.exec(text);
  const host = canonicalHost(match?.[1] ?? "");
  const port = Number(match?.[2] ?? 0);
  return host === null || port < 1 || port > 65_535 ? null : { host, port };
}
