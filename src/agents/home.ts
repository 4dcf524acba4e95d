import type { AgentProfile, AgentStart, HomeFile } from "../model/agent.js";
import { aboutTheSandbox } from "./memory.js";

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function merge(under: Json, over: Json): Json {
  const result: Json = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return result;
}

// Both sides are written by us, what was carried too: they are JSON objects.
const mergeText = (under: string, over: Json): string =>
  `${JSON.stringify(merge(JSON.parse(under) as Json, over), null, 2)}\n`;

/** The files of an agent's home: what was carried over, its settings over that, its hooks, and what it has to know of the sandbox. */
export function homeOf(
  profile: AgentProfile,
  start: AgentStart,
  carried: readonly HomeFile[],
  hooks: readonly HomeFile[] = [],
): HomeFile[] {
  const files = new Map(carried.map(({ path, content }) => [path, content]));
  for (const each of profile.settings(start)) {
    if ("text" in each) files.set(each.path, each.text);
    else files.set(each.path, mergeText(files.get(each.path) ?? "{}", each.json));
  }
  for (const { path, content } of hooks) {
    const under = files.get(path);
    const isMerged = under !== undefined && path.endsWith(".json");
    files.set(path, isMerged ? mergeText(under, JSON.parse(content) as Json) : content);
  }
  if (profile.memory !== null) {
    const known = files.get(profile.memory);
    const about = aboutTheSandbox(start.workspace);
    files.set(profile.memory, known === undefined ? about : `${about}\n${known}`);
  }
  return [...files].map(([path, content]) => ({ path, content }));
}
