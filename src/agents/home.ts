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

/** The files of an agent's home: what was carried over, its settings over that, and what it has to know of the sandbox. */
export function homeOf(profile: AgentProfile, start: AgentStart, carried: readonly HomeFile[]): HomeFile[] {
  const files = new Map(carried.map(({ path, content }) => [path, content]));
  for (const each of profile.settings(start)) {
    if ("text" in each) files.set(each.path, each.text);
    else {
      // Carried files of settings are written by us: they are JSON.
      const under = JSON.parse(files.get(each.path) ?? "{}") as Json;
      files.set(each.path, `${JSON.stringify(merge(under, each.json), null, 2)}\n`);
    }
  }
  if (profile.memory !== null) {
    const known = files.get(profile.memory);
    const about = aboutTheSandbox(start.workspace);
    files.set(profile.memory, known === undefined ? about : `${about}\n${known}`);
  }
  return [...files].map(([path, content]) => ({ path, content }));
}
