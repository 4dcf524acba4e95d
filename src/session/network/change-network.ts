import { AirlockError } from "../../base/errors.js";
import { canonicalHost } from "../../gate/host-name.js";
import { parsePattern, Rules } from "../../gate/rules.js";
import type { NetworkRule } from "../../model/network.js";
import type { SessionRecord } from "../../model/session.js";
import { loadSession, lockSession } from "../store.js";
import type { Workbench } from "../workbench.js";
import { hasNetwork } from "./hatch.js";
import { loadNetwork, saveNetwork } from "./network-file.js";

interface Change {
  readonly action: "allow" | "deny";
  readonly pattern: string;
  /** How long it holds; null for as long as the session. */
  readonly seconds: number | null;
}

const samePattern = (a: string, b: string): boolean =>
  JSON.stringify(parsePattern(a)) === JSON.stringify(parsePattern(b));

/**
 * Changes what a session may reach, from its next connection on. What was said here before about the same hosts is replaced; a
 * denial that stands in a configuration is not taken back by this.
 */
export async function changeNetwork(bench: Workbench, id: string, { action, pattern, seconds }: Change): Promise<void> {
  parsePattern(pattern);
  await using _lock = await lockSession(bench.home, id, bench.signal);
  const record = await loadSession(bench.home, id);
  if (record === null || !hasNetwork(record)) throw withoutNetwork(id);
  const policy = await loadNetwork(bench.home, id);
  const until = seconds === null ? null : Date.now() + seconds * 1_000;
  const rule: NetworkRule = { action, pattern, origin: "airlock network", until };
  const kept = policy.rules.filter((each) => each.origin !== rule.origin || !samePattern(each.pattern, pattern));
  await bench.recorder(id)({ kind: `network.${action}`, data: { pattern, until } });
  await saveNetwork(bench.home, id, { ...policy, rules: [...kept, rule] });
  warnIfDenied(policy.rules, rule);
}

function withoutNetwork(id: string): AirlockError {
  return new AirlockError("E_SESSION_STATE", `session ${id} has no network`, {
    hint: "a network is decided when a session is made: airlock start --network policy",
  });
}

function warnIfDenied(rules: readonly NetworkRule[], rule: NetworkRule): void {
  const { port } = parsePattern(rule.pattern);
  const host = canonicalHost(rule.pattern.replace(/:[^:\]]*$/, ""));
  if (rule.action === "deny" || host === null) return;
  const number = typeof port === "number" ? port : 443;
  const decision = new Rules({ mode: "policy", rules: [...rules, rule] }).decide(host, number, Date.now());
  if (decision.verdict !== "deny") return;
  throw new AirlockError("E_NETWORK_INVALID", `it stays denied: ${decision.rule}`, {
    hint: "denials come first; take that one out of the configuration",
  });
}

/** The rules that hold for a session now. */
export async function networkRules(bench: Workbench, record: SessionRecord): Promise<readonly NetworkRule[]> {
  const { rules } = await loadNetwork(bench.home, record.id);
  return rules.filter(({ until }) => until === null || Date.now() < until);
}
