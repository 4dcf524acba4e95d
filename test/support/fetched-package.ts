import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const fetchMs = 240_000;

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "airlock-tests");

/** Packages fetched into a folder of their own below the cache; gives the folder of its `node_modules`. */
export async function fetchPackages(label: string, packages: readonly string[]): Promise<string> {
  const folder = join(cache, label);
  const modules = join(folder, "node_modules");
  if (existsSync(modules)) return modules;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "fetching-"));
  try {
    writeFileSync(join(fresh, "package.json"), '{ "private": true }\n');
    const words = ["install", "--no-audit", "--no-fund", "--no-save", ...packages];
    await run("npm", words, { cwd: fresh, timeout: fetchMs, maxBuffer: 1 << 24 });
    // Whole or not at all, also when two tests fetch the same.
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(modules)) throw error;
  }
  return modules;
}

/**
 * A package that only tests need and that is too large to be a dependency of everybody who builds Airlock: fetched by npm, once, into a
 * cache folder. Gives the folder of its `node_modules`.
 */
export function fetchPackage(name: string, version: string): Promise<string> {
  return fetchPackages(`${name.replace(/[@/]/g, "_")}@${version}`, [`${name}@${version}`]);
}

/** The path of a program of a fetched package. */
export async function fetchProgram(name: string, version: string, program: string): Promise<string> {
  return join(await fetchPackage(name, version), ".bin", program);
}

/** A Node 22, for test programs that do not run on the oldest Node that Airlock runs on. */
export async function fetchNode22(): Promise<string> {
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath;
  const modules = await fetchPackage("node", "22.23.3");
  const { bin } = JSON.parse(readFileSync(join(modules, "node/package.json"), "utf8")) as { bin: { node: string } };
  return join(modules, "node", bin.node);
}
