import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import type { NetworkRule } from "../model/network.js";
import { type ClientName, clientUrls, urlsIn } from "./client-urls.js";

/** Where presets are looked up, and whose clients they ask. */
export interface PresetPlace {
  readonly packageRoot: string;
  readonly homedir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the image's own apt is configured with: it, and not the host's, will ask for packages. */
  readonly aptSources: () => Promise<string>;
}

const presetSchema = z.union([
  z.strictObject({ title: z.string(), allow: z.array(z.string()) }),
  z.strictObject({ title: z.string(), client: z.enum(["npm", "pip", "apt", "go", "cargo"]) }),
]);

/** A named list of hosts, or the name of the client that knows them. */
export type Preset = z.infer<typeof presetSchema>;

const folder = ({ packageRoot }: PresetPlace): string => join(packageRoot, "presets");

/** The names of all presets. */
export async function presetNames(place: PresetPlace): Promise<string[]> {
  const files = await readdir(folder(place));
  return files.flatMap((file) => (file.endsWith(".json") ? [file.slice(0, -5)] : [])).sort();
}

/** One preset as its file says. */
export async function loadPreset(name: string, place: PresetPlace): Promise<Preset> {
  try {
    return z.parse(presetSchema, JSON.parse(await readFile(join(folder(place), `${name}.json`), "utf8")));
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
    throw new AirlockError("E_NETWORK_INVALID", `there is no preset "${name}"`, {
      hint: "airlock network presets lists them",
    });
  }
}

const usual: Readonly<Record<string, number>> = { "https:": 443, "http:": 80 };
const patternOf = ({ hostname, port, protocol }: URL): string => `${hostname}:${port === "" ? usual[protocol] : port}`;

// A registry of the user's own network is the one that the user's client uses: it may be private. What only an image names may not.
async function clientRules(name: string, client: ClientName, place: PresetPlace): Promise<NetworkRule[]> {
  const users = new Set((await clientUrls(client, place)).map(patternOf));
  const patterns = client === "apt" ? new Set(urlsIn(await place.aptSources()).map(patternOf)) : users;
  if (patterns.size === 0) {
    const where = client === "apt" ? "in the image" : "on this machine";
    throw new AirlockError("E_NETWORK_INVALID", `preset ${name}: ${client} ${where} names no registry`, {
      hint: `install or configure ${client}, or allow the registry's host with --allow-host`,
    });
  }
  return [...patterns].map((pattern) => ({
    action: users.has(pattern) ? "private" : "allow",
    pattern,
    origin: `preset ${name}`,
    until: null,
  }));
}

/** The rules that a preset stands for, on this machine and for this user. */
export async function presetRules(name: string, place: PresetPlace): Promise<NetworkRule[]> {
  const preset = await loadPreset(name, place);
  if ("client" in preset) return await clientRules(name, preset.client, place);
  return preset.allow.map((pattern) => ({ action: "allow", pattern, origin: `preset ${name}`, until: null }));
}
