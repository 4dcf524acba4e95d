import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const room = new URL("../../../src/config", import.meta.url).pathname;

/** Everything that loading a file loads with it: its static imports that are more than types, all the way down. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!file.startsWith("/")) return seen;
  for (const [, target = ""] of readFileSync(file, "utf8").matchAll(
    /^(?:import|export) (?!type )[^;]*?from "([^"]+)";/gms,
  )) {
    loadedWith(target.startsWith(".") ? join(dirname(file), target.replace(/\.js$/, ".ts")) : target, seen);
  }
  return seen;
}

test("without a configuration file neither the YAML parser nor the schema library is loaded: they cost 75 ms", () => {
  for (const file of ["load.ts", "merge.ts", "approve.ts", "environment.ts", "units.ts", "defaults.ts"]) {
    const loaded = loadedWith(join(room, file));
    expect([...loaded].filter((each) => each === "zod" || each === "yaml")).toEqual([]);
  }
});

test("the check above sees what is loaded", () => {
  expect(loadedWith(join(room, "parse.ts"))).toContain("zod");
  expect(loadedWith(join(room, "parse.ts"))).toContain("yaml");
});
