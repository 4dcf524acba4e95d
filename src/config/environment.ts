import { AirlockError } from "../base/errors.js";
import type { FlagValues } from "./merge.js";
import { parseDuration, parseSize } from "./units.js";

type Env = Readonly<Record<string, string | undefined>>;

function oneOf<T extends string>(...words: readonly T[]): (text: string) => T | null {
  return (text) => words.find((word) => word === text) ?? null;
}

const text = (value: string): string => value;
const count = (value: string): number | null => (/^[1-9]\d{0,8}$/.test(value) ? Number(value) : null);
const decimal = (value: string): number | null =>
  /^\d{1,4}(?:\.\d{1,3})?$/.test(value) && Number(value) > 0 ? Number(value) : null;

function read<T>(env: Env, name: string, parse: (value: string) => T | null, form: string): T | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  const parsed = parse(value);
  if (parsed !== null) return parsed;
  throw new AirlockError("E_CONFIG_INVALID", `the variable ${name} is "${value}", which is not ${form}`, {
    hint: `correct it, or run: unset ${name}`,
  });
}

/** The settings that come from `AIRLOCK_…` variables; an empty one counts as not set, a mistaken one is an error. */
export function environmentValues(env: Env): FlagValues {
  return {
    image: read(env, "AIRLOCK_IMAGE", text, "an image"),
    runtime: read(env, "AIRLOCK_RUNTIME", text, "a runtime"),
    user: read(env, "AIRLOCK_USER", oneOf("agent", "root"), "agent or root"),
    workspace: read(env, "AIRLOCK_WORKSPACE", oneOf("overlay", "upload"), "overlay or upload"),
    onExit: read(env, "AIRLOCK_ON_EXIT", oneOf("review", "keep", "discard"), "review, keep or discard"),
    memoryBytes: read(env, "AIRLOCK_MEMORY", parseSize, "a size such as 512m or 4g"),
    cpus: read(env, "AIRLOCK_CPUS", decimal, "a number above 0"),
    pids: read(env, "AIRLOCK_PIDS", count, "a whole number above 0"),
    diskBytes: read(env, "AIRLOCK_DISK", parseSize, "a size such as 512m or 20g"),
    timeoutSeconds: read(env, "AIRLOCK_TIMEOUT", parseDuration, "a time such as 90s or 1h30m"),
  };
}
