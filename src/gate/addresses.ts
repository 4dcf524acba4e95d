import { BlockList, isIPv6 } from "node:net";

/**
 * Where an address leads. `never`: nowhere that a sandbox may go, whatever a rule says (metadata services, link-local, multicast, "this
 * host", reserved, IPv4 dressed as IPv6). `private`: to somebody's own network or this machine; only a rule that says so leads there.
 */
export type AddressKind = "public" | "private" | "never";

function listOf(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [net = "", prefix] = subnet.split("/");
    list.addSubnet(net, Number(prefix), isIPv6(net) ? "ipv6" : "ipv4");
  }
  return list;
}

const never = listOf([
  "0.0.0.0/8",
  "169.254.0.0/16",
  "192.0.0.0/24",
  "192.88.99.0/24",
  "224.0.0.0/3",
  // Metadata services of clouds that do not keep to 169.254: Azure, Alibaba, Oracle, Tencent.
  "168.63.129.16/32",
  "100.100.100.200/32",
  "100.96.0.96/32",
  "192.0.0.192/32",
]);

const privateNets = listOf([
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "198.18.0.0/15",
  // For documentation; who uses them uses them as a network of his own.
  "192.0.2.0/24",
  "198.51.100.0/24",
  "203.0.113.0/24",
]);

// Everything else of IPv6 is special, not handed out yet, or holds an IPv4 address.
const globalSix = listOf(["2000::/3"]);
const specialSix = listOf(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);
const privateSix = listOf(["::1/128", "fc00::/7"]);
const metadataSix = listOf(["fd00:ec2::/32", "fd20:ce::/32"]);

/** Decides by the address alone, after resolving: what a name is called says nothing about where it leads. */
export function addressKind(address: string): AddressKind {
  if (!isIPv6(address)) {
    if (never.check(address, "ipv4")) return "never";
    return privateNets.check(address, "ipv4") ? "private" : "public";
  }
  if (address.includes("%") || metadataSix.check(address, "ipv6")) return "never";
  if (privateSix.check(address, "ipv6")) return "private";
  return globalSix.check(address, "ipv6") && !specialSix.check(address, "ipv6") ? "public" : "never";
}
