import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { AirlockError, messageOf } from "../../base/errors.js";
import { Secret } from "../../base/secret.js";
import type { Edge } from "../edge.js";

/** `--env` and `--env-file`, as commander collects them. */
export interface EnvOptions {
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** An option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Adds `--env` and `--env-file`. */
export function envOptions(command: Command): Command {
  return command
    .option(
      "-e, --env <name=value>",
      "set a variable inside; a secret is safer as NAME alone, which takes it from here, or in a file (repeatable)",
      collect,
    )
    .option("--env-file <file>", "variables, one NAME=VALUE a line, # for comments (repeatable)", collect);
}

function parsePair(text: string, where: string, edge: Edge): readonly [string, Secret] | null {
  const at = text.indexOf("=");
  const name = at === -1 ? text : text.slice(0, at);
  if (!namePattern.test(name)) {
    // The value is not quoted: it may be a secret.
    throw new AirlockError("E_USAGE", `${where}: not a variable's name before "="`, { hint: "write NAME=VALUE" });
  }
  if (at !== -1) return [name, new Secret(text.slice(at + 1))];
  const value = edge.env[name];
  return value === undefined ? null : [name, new Secret(value)];
}

async function readEnvFile(edge: Edge, file: string): Promise<(readonly [string, Secret] | null)[]> {
  const path = resolve(edge.cwd, file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new AirlockError("E_USAGE", `cannot read the env file ${file}: ${messageOf(error)}`, { cause: error });
  }
  return text
    .split("\n")
    .map((line, index) => ({ line: line.replace(/\r$/, ""), where: `${file}:${index + 1}` }))
    .filter(({ line }) => line.trim() !== "" && !line.trimStart().startsWith("#"))
    .map(({ line, where }) => parsePair(line, where, edge));
}

/** The variables that a command was given; a later one wins, `--env` over `--env-file`. Values are secrets from here on. */
export async function collectEnv(edge: Edge, { env = [], envFile = [] }: EnvOptions): Promise<Map<string, Secret>> {
  const fromFiles = (await Promise.all(envFile.map((file) => readEnvFile(edge, file)))).flat();
  const given = env.map((pair, index) => parsePair(pair, `--env number ${index + 1}`, edge));
  return new Map([...fromFiles, ...given].filter((pair) => pair !== null));
}

/** The address that a variable names. */
export function httpUrl(variable: string, text: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new AirlockError("E_USAGE", `${variable} is not an http or https URL`);
}
