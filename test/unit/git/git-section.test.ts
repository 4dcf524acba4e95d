import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countChanges } from "../../../src/changes/collect.js";
import { makePalette } from "../../../src/cli/render/colour.js";
import { renderGit } from "../../../src/cli/render/git-section.js";
import { formatPlan } from "../../../src/cli/render/plan.js";
import { formatSummary } from "../../../src/cli/render/summary.js";
import type { GitBranch, GitReport } from "../../../src/git/report.js";
import type { Change } from "../../../src/model/change.js";

const place = { palette: makePalette(false), columns: 80 };
const id = (digit: string): string => digit.repeat(40);

const nothing: GitReport = {
  head: null,
  branches: [],
  refs: [],
  config: [],
  hooks: [],
  files: [],
  elsewhere: [],
  counts: { objects: 0, packs: 0, logs: 0, folders: 0, others: 0 },
  paths: 1,
  notes: [],
  risks: [],
};

const branch: GitBranch = {
  name: "main",
  before: id("a"),
  after: id("b"),
  kind: "moved",
  commits: [],
  more: 0,
  complete: true,
  lost: 0,
  conflict: false,
};

const render = (report: Partial<GitReport>): string => [...renderGit({ ...nothing, ...report }, place)].join("");
const commit = (subject: string, author = "A <a@b>") => ({
  id: id("c"),
  author,
  date: "2026-01-31T00:00:00.000Z",
  subject,
});

const changed = (path: string, level: "none" | "high"): Change => ({
  path,
  kind: "deleted",
  type: "file",
  before: { type: "file", mode: 0o644, size: 1 },
  after: null,
  binary: false,
  risk: { level, reasons: level === "high" ? ["matters"] : [] },
  conflict: false,
  masked: false,
});

describe("git's own files elsewhere", () => {
  const objects = Array.from({ length: 90 }, (_, at) => changed(`.git/objects/aa/${at}`, "high"));
  const changes = [...objects, changed("vendor/.git/x", "high"), changed("Makefile", "high"), changed("a", "none")];

  it("do not drown what else matters in a summary", () => {
    const git = {
      ...nothing,
      paths: 91,
      branches: [{ ...branch, commits: [commit("s"), commit("t")], more: 1 }],
      risks: ["history\u202e"],
    };
    const text = formatSummary(
      { changes, totals: countChanges(changes), warnings: ["91 paths"], git },
      { env: {}, stderr: {} },
    );
    expect(text.split("\n")).toEqual([
      "2 deleted; 1 of high risk",
      "! deleted Makefile: matters",
      "  deleted a",
      "git: 3 commits on main, 91 changed paths",
      "! history\\u{202e}",
    ]);
  });

  it("are one line of what a plan leaves out, for each place", () => {
    const skipped = changes.map(({ path }) => ({ path, reason: "no" }));
    const text = formatPlan({
      plan: { operations: [], skipped, conflicts: [] },
      changes,
      columns: 80,
      palette: place.palette,
    });
    expect(text.split("\n").slice(1)).toEqual([
      "not applied:",
      "  .git: 90 paths; no",
      "  vendor/.git: 1 path; no",
      "  Makefile: no",
      "  a: no",
    ]);
  });
});

describe("the git section of a diff", () => {
  it("lets nothing through that drives a terminal, whatever the agent wrote", () => {
    const wild = fc.string({ unit: "binary", maxLength: 40 });
    fc.assert(
      fc.property(wild, wild, wild, (one, two, three) => {
        const text = render({
          head: { before: one, after: two },
          branches: [
            { ...branch, name: one, commits: [commit(two, three)] },
            { ...branch, name: two, kind: "rewritten", lost: null },
            { ...branch, name: three, kind: "deleted", after: null },
          ],
          refs: [{ name: one, before: two, after: three, kind: "moved" }],
          config: [{ path: one, key: two, kind: "added", effect: null, value: three }],
          hooks: [{ path: one, kind: "added", effect: "runs" }],
          files: [{ path: two, kind: "modified", effect: null }],
          elsewhere: [{ path: three, kind: "added", paths: 1 }],
          notes: [one],
          risks: [`\`.git\` is ${two}`],
        });
        expect(text).not.toMatch(/[\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u);
      }),
    );
  });

  it("cuts what commits say about themselves to the line, wide letters counted", () => {
    const text = render({
      branches: [{ ...branch, commits: [commit("\u6f22".repeat(200), "\u6f22".repeat(200)), commit("x".repeat(500))] }],
    });
    const lines = text.split("\n").filter((line) => line.includes("2026-01-31"));
    expect(lines).toHaveLength(2);
    for (const line of lines) expect([...line].length + (line.match(/\u6f22/g)?.length ?? 0)).toBeLessThanOrEqual(80);
  });

  it("names every file that leads anywhere, and counts the others it leaves out", () => {
    const files = Array.from({ length: 60 }, (_, at) => ({
      path: `.git/x${at}`,
      kind: "added" as const,
      effect: null,
    }));
    const hooks = Array.from({ length: 60 }, (_, at) => ({
      path: `.git/hooks/h${at}`,
      kind: "added" as const,
      effect: "runs",
    }));
    const text = render({ files, hooks });
    for (const { path } of hooks) expect(text).toContain(`! added ${path}\n`);
    expect(text).toContain("  and 40 more (--name-only lists each)\n");
  });

  it("says how many commits it does not show, and when it does not know", () => {
    const commits = Array.from({ length: 12 }, () => commit("s"));
    expect(render({ branches: [{ ...branch, commits, more: 30 }] })).toContain("and 32 more commits\n");
    expect(render({ branches: [{ ...branch, commits, more: 30, complete: false }] })).toContain(
      "and 32 more commits, at least\n",
    );
    expect(render({ branches: [{ ...branch, complete: false }] })).toContain("not all of them could be read");
    expect(render({ branches: [{ ...branch, kind: "rewritten", lost: 1 }] })).toContain(
      "1 commit of the host not in it",
    );
  });
});
