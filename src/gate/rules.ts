import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { NetworkPolicy, NetworkRule } from "../model/network.js";
import { gatewayPort, hookPort } from "../wire/frames.js";
import { canonicalHost, type Host } from "./host-name.js";

/** What a policy says about a host and a port, and the rule that says it. */
export interface Decision {
  readonly verdict: "allow" | "ask" | "deny";
  /** For the journal and for people. */
  readonly rule: string;
  /** Private addresses, and this machine's own, are meant too. */
  readonly private: boolean;
  /** The rule fits names that nobody wrote down. */
  readonly open: boolean;
}

interface Pattern {
  readonly kind: Host["kind"];
  readonly labels: readonly string[];
  readonly port: number | "any" | "default";
}

const form = 'write "api.example.com", "*.example.com:8443" or "git.example.com:22"';

function invalid(text: string, why: string): AirlockError {
  return new AirlockError("E_NETWORK_INVALID", `"${escapeText(text)}" is not a network rule: ${why}`, { hint: form });
}

function parsePort(text: string, given: string | undefined): Pattern["port"] {
  if (given === undefined) return "default";
  if (given === "*") return "any";
  const port = Number(given);
  if (!/^\d{1,5}$/.test(given) || port < 1 || port > 65_535) throw invalid(text, "its port is none");
  return port;
}

function parseWildcard(text: string, host: string): readonly string[] {
  const labels = host.toLowerCase().replace(/\.$/, "").split(".");
  const isFree = (each: string, index: number): boolean => each === "*" || (each === "**" && index === 0);
  const fixed = labels.slice(-2);
  if (fixed.length < 2 || fixed.some(isFree)) throw invalid(text, "its last two labels must be written out");
  const filled = labels.map((each, index) => (isFree(each, index) ? "x" : each)).join(".");
  if (canonicalHost(filled)?.kind !== "name")
    throw invalid(text, "* stands for a whole label, ** for several at the front");
  return labels;
}

/** Takes a rule's text apart; throws `E_NETWORK_INVALID` with what is wrong with it. */
export function parsePattern(text: string): Pattern {
  const match = /^(\[[^\]]+\]|[^:]+)(?::([^:]+))?$/.exec(text);
  const host = match?.[1] ?? "";
  const port = parsePort(text, match?.[2]);
  if (host.includes("*")) return { kind: "name", labels: parseWildcard(text, host), port };
  const canonical = canonicalHost(host);
  if (canonical === null)
    throw invalid(text, /[^\x20-\x7e]/.test(host) ? "write the xn-- form" : "no host has that name");
  return {
    kind: canonical.kind,
    labels: canonical.kind === "name" ? canonical.text.split(".") : [canonical.text],
    port,
  };
}

function labelsMatch(pattern: readonly string[], labels: readonly string[]): boolean {
  if (pattern[0] === "**") {
    const rest = pattern.slice(1);
    return labels.length > rest.length && labelsMatch(rest, labels.slice(-rest.length));
  }
  return pattern.length === labels.length && pattern.every((each, index) => each === "*" || each === labels[index]);
}

// Without a port a rule that loosens means HTTPS alone; one that denies means every port.
function portMatches(pattern: Pattern["port"], port: number, denies: boolean): boolean {
  if (pattern === "any") return true;
  return pattern === "default" ? denies || port === 443 : pattern === port;
}

interface Compiled {
  readonly rule: NetworkRule;
  readonly pattern: Pattern;
  readonly isWild: boolean;
}

const order = ["deny", "private", "allow", "ask"] as const;

/** A policy, ready to decide. */
export class Rules {
  readonly #mode: NetworkPolicy["mode"];
  readonly #rules: readonly Compiled[];

  constructor({ mode, rules }: Pick<NetworkPolicy, "mode" | "rules">) {
    this.#mode = mode;
    const compiled = rules.map((rule) => ({
      rule,
      pattern: parsePattern(rule.pattern),
      isWild: rule.pattern.includes("*"),
    }));
    this.#rules = order.flatMap((action) => compiled.filter(({ rule }) => rule.action === action));
  }

  /** Denials come before everything else, whoever wrote them. */
  decide(host: Host, port: number, now: number): Decision {
    const labels = host.kind === "name" ? host.text.split(".") : [host.text];
    const found = this.#rules.find(
      ({ rule, pattern }) =>
        (rule.until === null || now < rule.until) &&
        pattern.kind === host.kind &&
        portMatches(pattern.port, port, rule.action === "deny") &&
        labelsMatch(pattern.labels, labels),
    );
    if (found === undefined) return this.#undecided(host);
    const { rule, isWild } = found;
    const verdict = rule.action === "private" ? "allow" : rule.action;
    const text = `${rule.action === "private" ? "allowPrivate" : rule.action} ${rule.pattern} (${rule.origin})`;
    return { verdict, rule: text, private: rule.action === "private", open: isWild };
  }

  #undecided(host: Host): Decision {
    const none = { private: false, open: true };
    if (this.#mode === "none") return { verdict: "deny", rule: "no network", ...none };
    if (host.kind === "address") return { verdict: "deny", rule: "addresses are denied unless listed", ...none };
    if (this.#mode === "open") return { verdict: "allow", rule: "open: any public host", ...none };
    if (this.#mode === "ask") return { verdict: "ask", rule: "ask: no rule decides", ...none };
    return { verdict: "deny", rule: "no rule allows it", ...none };
  }
}

const usualPorts = [22, 80, 443];

/** The ports that the hatch listens on for a policy: the usual three and those that its rules name. */
export function listenPorts({ rules }: Pick<NetworkPolicy, "rules">, limit: number): number[] {
  const named = rules
    .filter(({ action }) => action !== "deny")
    .map(({ pattern }) => parsePattern(pattern).port)
    .filter((port) => typeof port === "number");
  // The resolver, the proxy, the gateway and the hooks have theirs.
  const own = [53, 3128, gatewayPort, hookPort];
  const ports = [...new Set([...usualPorts, ...named])].filter((port) => !own.includes(port));
  return ports.slice(0, limit);
}
