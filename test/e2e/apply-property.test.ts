import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Lab } from "../support/lab.js";

const program = new URL("../support/random_edits.py", import.meta.url).pathname;
const casesPerSession = 50;
const seeds = [...Array(9).keys(), Date.now() % 1_000_000];

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly type: number;
  readonly target?: string;
  readonly sha256?: string;
  readonly sparse?: boolean;
  readonly mtimeUs?: number;
  readonly sameAs?: string;
}

function edits(...args: (string | number)[]): string {
  return execFileSync("python3", [program, ...args.map(String)], { encoding: "utf8", maxBuffer: 1 << 28 });
}

function shown(root: string): Map<string, Entry> {
  const entries = edits("show", root)
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Entry => JSON.parse(line));
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/**
 * What an apply promises to carry. A file that was touched and holds what it held is no change: its time is not carried
 * over, nor a further name that it got. A copy fills holes and an apply makes them of zeros: holes are looked at apart.
 */
function promised(entries: Map<string, Entry>, before: Map<string, Entry>): object[] {
  const isSame = (entry: Entry): boolean => {
    const old = before.get(entry.path);
    return old?.sha256 === entry.sha256 && old?.type === entry.type && old?.target === entry.target;
  };
  const notCarried = new Set([...entries.values()].filter(isSame).map(({ sameAs }) => sameAs));
  return [...entries.values()].map((entry) => {
    const { mtimeUs, sameAs, sparse: _, ...rest } = entry;
    return {
      ...rest,
      ...(isSame(entry) ? {} : { mtimeUs }),
      ...(sameAs === undefined || notCarried.has(sameAs) ? {} : { sameAs }),
    };
  });
}

describe("after a full apply the project equals the workspace", () => {
  test.each(seeds)(
    "seed %i: fifty random trees, edited at random",
    async (seed) => {
      await using lab = new Lab();
      edits("make", lab.project, seed, casesPerSession);
      const control = join(lab.root, "control");
      execFileSync("cp", ["-a", lab.project, control]);
      const before = shown(lab.project);
      copyFileSync(program, join(lab.userHome, "random_edits.py"));
      const ran = await lab.airlock(
        ["run", "--on-exit", "keep", "--path", `${lab.userHome}/random_edits.py`, "--"].concat([
          "python3",
          `${lab.userHome}/random_edits.py`,
          "edit",
          ".",
          String(seed),
          String(casesPerSession),
        ]),
      );
      expect(ran.stderr + String(ran.code)).toMatch(/0$/);
      edits("edit", control, seed, casesPerSession);
      const applied = await lab.json<{ skipped: unknown[]; conflicts: unknown[] }>([
        "apply",
        "--yes",
        "--allow-risk",
        "--json",
      ]);
      expect(applied).toMatchObject({ skipped: [], conflicts: [] });
      const wanted = shown(control);
      const found = shown(lab.project);
      expect(promised(found, before)).toEqual(promised(wanted, before));
      const filled = [...wanted.values()].filter(
        ({ path, sparse }) => sparse === true && found.get(path)?.sparse !== true,
      );
      expect(filled).toEqual([]);
      // Nothing is left to show, and taking it back leads to the very tree of the beginning.
      expect(await lab.json(["diff", "--json"])).toMatchObject({ changes: [] });
      await lab.json(["undo", "--yes", "--json"]);
      expect([...shown(lab.project).values()]).toEqual([...before.values()]);
    },
    180_000,
  );
});
