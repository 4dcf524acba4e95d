import type { NetworkWish } from "../config/merge-network.js";
import type { NetworkPolicy } from "../model/network.js";
import type { CommandContext } from "./context.js";

/** The policy of a new session: presets looked up, every rule understood. Nothing is loaded for a session without a network. */
export async function networkOf(context: CommandContext, wish: NetworkWish): Promise<NetworkPolicy> {
  if (wish.mode === "none") return { mode: "none", rules: [], hosts: {} };
  const [{ Rules }, { presetRules }] = await Promise.all([import("../gate/rules.js"), import("../gate/presets.js")]);
  const { env, homedir, packageRoot } = context.edge;
  const found = await Promise.all(wish.presets.map((name) => presetRules(name, { env, homedir, packageRoot })));
  const policy = { mode: wish.mode, rules: [...wish.rules, ...found.flat()], hosts: wish.hosts };
  // Says what cannot be understood before anything is made.
  new Rules(policy);
  return policy;
}
