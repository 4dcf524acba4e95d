import { isIPv4 } from "node:net";
import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { newToken } from "../../base/ids.js";
import { fitsHeader } from "../../base/secret.js";
import type { GateKey } from "../../model/key.js";
import type { Edge } from "../edge.js";
import { collect } from "./env-options.js";

/** `--key`, as commander collects it. */
export interface KeyOptions {
  readonly key?: readonly string[];
}

/** Adds `--key`. */
export function keyOptions(command: Command): Command {
  return command.option(
    "--key <host=env:NAME>",
    "put a secret of this machine into requests for a host; inside, NAME is a placeholder (repeatable)",
    collect,
  );
}

// How the services that have keys want them.
const usual: readonly (readonly [header: string, format: string])[] = [
  ["authorization", "Bearer {}"],
  ["authorization", "token {}"],
  ["x-api-key", "{}"],
  ["api-key", "{}"],
  ["x-goog-api-key", "{}"],
];

const form = /^([A-Za-z0-9._-]+(?::\d{1,5})?)=env:([A-Za-z_][A-Za-z0-9_]*)$/;

/** The hosts that keys are for: whoever names one wants it reached. */
export const keyHosts = ({ key = [] }: KeyOptions): string[] => key.flatMap((text) => form.exec(text)?.[1] ?? []);

/** What `--key` says; the secret itself stays where it is. */
export function keysOf({ key = [] }: KeyOptions, edge: Pick<Edge, "env">): GateKey[] {
  const placeholders = new Map<string, string>();
  return key.flatMap((text) => {
    const [, host, name] = form.exec(text) ?? [];
    if (host === undefined || name === undefined || isIPv4(host.replace(/:\d+$/, ""))) {
      // It is not quoted: somebody may have written the secret itself.
      throw new AirlockError("E_USAGE", "--key takes HOST=env:NAME, where NAME is a variable that holds the secret", {
        hint: "--key api.example.com=env:EXAMPLE_API_KEY",
      });
    }
    const value = edge.env[name]?.trim() ?? "";
    if (!fitsHeader(value)) {
      const why = value === "" ? "is not set here" : "holds what no header can";
      throw new AirlockError("E_USAGE", `--key ${host}=env:${name}: ${name} ${why}`);
    }
    const placeholder = placeholders.get(name) ?? `airlock-${newToken(20)}`;
    placeholders.set(name, placeholder);
    return usual.map(([header, format]) => ({
      ...{ host: host.toLowerCase(), header, format, placeholder },
      ...{ from: { env: name }, variable: name },
    }));
  });
}
