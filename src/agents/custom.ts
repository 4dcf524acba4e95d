import type { AgentProfile, CustomAgent } from "../model/agent.js";

/** The profile of an agent of the user's own. */
export function customAgent(name: string, said: CustomAgent): AgentProfile {
  const {
    image,
    command,
    prompt = [],
    trustAll: trusting = [],
    presets = [],
    allow = [],
    keys = {},
    env = {},
    acp,
  } = said;
  return {
    name,
    title: name,
    install: { kind: "image", image },
    presets,
    hosts: allow,
    keys: Object.entries(keys).map(([variable, hosts]) => ({ variable, hosts })),
    environment: Object.fromEntries(Object.entries(env).map(([variable, value]) => [variable, String(value)])),
    passedOn: [],
    carried: [],
    memory: said.memory ?? null,
    command: ({ trustAll, prompt: task, more }) => [
      ...command,
      ...(trustAll ? trusting : []),
      ...more,
      ...(task === null ? [] : [...prompt, task]),
    ],
    acp:
      acp === undefined
        ? null
        : { command: ({ trustAll, more }) => [...command, ...acp, ...(trustAll ? trusting : []), ...more] },
    settings: () => [],
  };
}
