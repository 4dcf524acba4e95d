import { addressKind } from "./addresses.js";
import type { Resolver } from "./resolver.js";

/** The public addresses of a name; rejects when it has none, so that no name leads to somebody's own network or to this machine. */
export async function publicAddresses(resolver: Resolver, name: string): Promise<readonly string[]> {
  const found = await resolver.resolve(name);
  const open = found.filter((address) => addressKind(address) === "public");
  if (open.length > 0) return open;
  throw new Error(found.length === 0 ? `${name}: there is no such name` : `${name} leads to a private address`);
}
