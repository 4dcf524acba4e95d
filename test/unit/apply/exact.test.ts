import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, lutimesSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Operation as Edit, hostileNames, operations, perform } from "../changes/random-tree.js";
import { ApplyBed } from "./bed.js";
import { hardLink, operationsBetween, pathOf, snapshot, sourceFrom, walk, withoutLinks } from "./trees.js";

interface Touch {
  readonly act: "link" | "sparse" | "time" | "mode";
  readonly from: number;
  readonly to: number;
}

const asRoot = process.getuid?.() === 0;
const names = [...hostileNames.slice(0, 12), "\udcff\udcfe.js", "caf\u00e9", "z".repeat(200)];
// Without the right to read a file it cannot be compared, and nobody but root could build on a closed folder.
const fileModes = asRoot
  ? [0o644, 0o755, 0o600, 0o777, 0o555, 0o400, 0o000]
  : [0o644, 0o755, 0o600, 0o777, 0o555, 0o400];

const touches = fc.array(
  fc.record({
    act: fc.constantFrom<Touch["act"]>("link", "sparse", "time", "mode"),
    from: fc.nat(1000),
    to: fc.nat(1000),
  }),
  { maxLength: 6 },
);

function touch(root: string, { act, from, to }: Touch): void {
  const paths = walk(root);
  const path = paths[from % paths.length] ?? ".";
  const at = pathOf(root, path);
  if (act === "time") lutimesSync(at, 1_000_000_000 + to + 0.123456, 1_000_000_000 + to + 0.123456);
  else if (act === "sparse") {
    const file = join(root, `sparse-${to % 3}`);
    if (!asRoot && existsSync(file)) chmodSync(file, 0o644);
    writeFileSync(file, "begin");
    truncateSync(file, 70_000 + to);
    if (to % 2 === 0) writeFileSync(file, "end", { flag: "a" });
  } else if (act === "mode") {
    const type = snapshot(root)[path]?.type;
    const mode = fileModes[to % fileModes.length] ?? 0o644;
    if (path !== "." && type !== "symlink") chmodSync(at, type === "dir" && !asRoot ? mode | 0o500 : mode);
  } else if (snapshot(root)[path]?.type === "file" && !existsSync(pathOf(root, `link-${to % 3}`))) {
    hardLink(root, path, `link-${to % 3}`);
  }
}

function build(root: string, edits: readonly Edit[], extra: readonly Touch[]): void {
  // Closed folders of the tree before would keep the builder out, not the apply.
  if (!asRoot) execFileSync("chmod", ["-R", "u+rwX", root]);
  for (const edit of edits) perform(root, edit);
  for (const one of extra) touch(root, one);
}

describe("an apply", () => {
  test("turns any tree exactly into any other, undo brings the first back, and undo of that the second", async () => {
    const edits = operations(names, [0o644, 0o755, 0o600, 0o777]);
    await fc.assert(
      fc.asyncProperty(edits, touches, edits, touches, fc.boolean(), async (first, one, second, two, portable) => {
        using bed = new ApplyBed();
        build(bed.project, first, one);
        if (!asRoot) execFileSync("chmod", ["-R", "u+rwX", bed.project]);
        const target = join(bed.top, "target");
        execFileSync("cp", ["-a", bed.project, target]);
        build(target, second, two);
        const before = snapshot(bed.project);
        await bed.apply(operationsBetween(bed.project, target), { source: sourceFrom(target), portable });
        expect(snapshot(bed.project)).toEqual(snapshot(target));
        await bed.undo("a1", { portable });
        expect(withoutLinks(snapshot(bed.project))).toEqual(withoutLinks(before));
        await bed.undo("a2", { portable });
        expect(withoutLinks(snapshot(bed.project))).toEqual(withoutLinks(snapshot(target)));
        expect(readdirSync(bed.project).filter((name) => name.startsWith(".airlock"))).toEqual([]);
      }),
      { numRuns: Number(process.env["AIRLOCK_RUNS"] ?? 100) },
    );
  }, 600_000);
});
