import type { NetworkWish } from "../../config/merge-network.js";
import type { PresetPlace } from "../../gate/presets.js";
import type { AwsMode } from "../../model/aws.js";
import type { NetworkPolicy } from "../../model/network.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";

/** Where presets are looked up; the engine is asked only for one that depends on the image. */
export function presetPlace({ edge }: CommandContext, bench: Workbench, image: string | undefined): PresetPlace {
  const { env, homedir, packageRoot } = edge;
  const aptSources = async (): Promise<string> => {
    const { imageAptSources } = await import("../../session/image-sources.js");
    return await imageAptSources(bench, image);
  };
  return { env, homedir, packageRoot, aptSources };
}

// Where calls of AWS go that no gateway makes: names of AWS's own, over TLS as everything on 443.
const awsHosts = ["**.amazonaws.com", "**.amazonaws.com.cn", "**.api.aws"];

/** The same policy, with AWS allowed where the sandbox calls it itself. */
export function allowAws(policy: NetworkPolicy, mode: AwsMode): NetworkPolicy {
  if (mode !== "direct") return policy;
  const rules = awsHosts.map((pattern) => ({ action: "allow", pattern, origin: "aws: direct", until: null }) as const);
  return { ...policy, mode: policy.mode === "none" ? "policy" : policy.mode, rules: [...policy.rules, ...rules] };
}

/** The policy of a new session: presets looked up, every rule understood. Nothing is loaded for a session without a network. */
export async function networkOf(wish: NetworkWish, place: () => PresetPlace): Promise<NetworkPolicy> {
  if (wish.mode === "none") return { mode: "none", rules: [], hosts: {} };
  const [{ Rules }, { presetRules }] = await Promise.all([
    import("../../gate/rules.js"),
    import("../../gate/presets.js"),
  ]);
  const found = await Promise.all(wish.presets.map((name) => presetRules(name, place())));
  const policy = { mode: wish.mode, rules: [...wish.rules, ...found.flat()], hosts: wish.hosts };
  // Says what cannot be understood before anything is made.
  new Rules(policy);
  return policy;
}
