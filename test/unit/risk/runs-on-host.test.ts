import { describe, expect, it } from "vitest";
import type { ChangeKind, EntryState } from "../../../src/model/change.js";
import { assessRisk } from "../../../src/risk/assess.js";
import { canonicalNames } from "../../../src/risk/canonical.js";
import { riskCatalogue } from "../../../src/risk/catalogue.js";
import { catalogueExamples } from "./catalogue-examples.js";

const file: EntryState = { type: "file", mode: 0o644, size: 10 };

function riskOf(path: string, kind: ChangeKind = "modified") {
  const before = kind === "added" ? null : file;
  const after = kind === "deleted" ? null : file;
  return assessRisk({ path, kind, before, after });
}

const patterns = riskCatalogue.flatMap((entry) =>
  entry.paths
    .trim()
    .split(/\s+/)
    .map((pattern) => ({ entry, pattern })),
);

/** What a pattern matches by itself: a name as it stands, something in a folder; null where it holds a `*`. */
function literal(pattern: string): string | null {
  const path = pattern.endsWith("/**") ? `${pattern.slice(0, -3)}/x/y` : pattern;
  return path.includes("*") ? null : path;
}

function asRegExp(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+]/g, "\\$&").replaceAll("*", "[^/]*");
  return new RegExp(`(?:^|/)${escaped}$`, "i");
}

describe("the catalogue", () => {
  it("has an example for every entry, and entries for all examples", () => {
    const reasons = riskCatalogue.map(({ reason }) => reason);
    expect(Object.keys(catalogueExamples).sort()).toEqual([...reasons].sort());
    expect(Object.values(catalogueExamples).filter((paths) => paths.length === 0)).toEqual([]);
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  it.each(patterns.filter(({ pattern }) => literal(pattern) === null))(
    "has an example for the pattern $pattern",
    ({ entry, pattern }) => {
      expect(catalogueExamples[entry.reason]?.some((path) => asRegExp(pattern).test(path))).toBe(true);
    },
  );

  it.each(patterns)("is written in canonical form: $pattern", ({ pattern }) => {
    expect(canonicalNames(pattern.replaceAll("*", "x")).join("/")).toBe(pattern.replaceAll("*", "x"));
  });

  it("names no path twice in one entry", () => {
    const doubled = patterns.filter(
      ({ entry, pattern }, at) => patterns.findIndex((each) => each.entry === entry && each.pattern === pattern) !== at,
    );
    expect(doubled.map(({ pattern }) => pattern)).toEqual([]);
  });

  it.each(patterns.filter(({ pattern }) => literal(pattern) !== null))(
    "is obeyed for $pattern, in the root, at any depth and in any case",
    ({ entry, pattern }) => {
      const path = literal(pattern) ?? "";
      for (const each of [path, `some/where/${path}`, path.toUpperCase(), `A/B/${path.toUpperCase()}`]) {
        const { level, reasons } = riskOf(each);
        expect(level).toBe("high");
        expect(reasons.some((reason) => reason.startsWith(entry.reason))).toBe(true);
      }
    },
  );
});

for (const [reason, paths] of Object.entries(catalogueExamples)) {
  describe(`what ${reason} is of high risk`, () => {
    const isNamed = (reasons: readonly string[]) => reasons.some((each) => each.startsWith(reason));

    it.each(paths)("changed, where it stands, deeper and in other letters: %s", (path) => {
      for (const each of [path, `some/where/${path}`, path.toUpperCase()]) {
        const { level, reasons } = riskOf(each);
        expect(level).toBe("high");
        expect(isNamed(reasons)).toBe(true);
      }
    });

    // Protection that only covers files that exist already was CVE-2026-25725.
    it.each(paths)("made where there was none: %s", (path) => {
      expect(riskOf(path, "added").level).toBe("high");
    });

    it.each(paths)("turned into another type: %s", (path) => {
      const link: EntryState = { type: "symlink", mode: 0o777, size: 1, target: "x" };
      expect(isNamed(assessRisk({ path, kind: "type", before: file, after: link }).reasons)).toBe(true);
    });
  });
}

describe("what nothing on the host runs is of no risk", () => {
  it.each([
    "README.md",
    "src/index.ts",
    "src/app.py",
    "docs/guide.md",
    "lib/git.ts",
    "git",
    "src/env.ts",
    "environment.ts",
    "src/make.ts",
    "src/config.ts",
    "config/default.json",
    "data/package.json.txt",
    "my-package.json",
    "LICENSE",
    ".gitignore",
    ".gitkeep",
    "gitconfig.md",
    "src/claude.ts",
    "docs/agents/overview.md",
    "img/logo.svg",
    "test/build.test.ts",
    "dockerfile-parser/src/x.ts",
    "src/vscode/tasks.json",
    "a/workflows/x.yml",
    "github/workflows/x.yml",
    "desktop/index.html",
    "service/index.ts",
    "env/x.ts",
    "envrc",
    "bashrc.md",
    "src/.gitted/x",
    "src/x.git/y",
    "dot.git",
  ])("%s", (path) => {
    expect(riskOf(path)).toEqual({ level: "none", reasons: [] });
  });
});

describe("what is taken away", () => {
  it.each(["Makefile", ".github/workflows/ci.yml", "AGENTS.md", ".envrc"])("is of low risk: %s", (path) => {
    expect(riskOf(path, "deleted").level).toBe("low");
  });

  it.each([".git", ".git/HEAD", ".git/objects/aa/bb", ".GIT/config", "sub/.git/index"])(
    "is of high risk in git's own data: %s",
    (path) => {
      expect(riskOf(path, "deleted").level).toBe("high");
    },
  );

  it("is of no risk by itself elsewhere", () => {
    expect(riskOf("src/a.ts", "deleted").level).toBe("none");
  });
});

describe("folders", () => {
  const dir: EntryState = { type: "dir", mode: 0o755, size: 0 };
  const folderRisk = (path: string) => assessRisk({ path, kind: "added", before: null, after: dir });

  it.each([".git", "sub/.git", ".git/hooks"])("of git matter by themselves: %s", (path) => {
    expect(folderRisk(path).level).toBe("high");
  });

  it.each([".vscode", ".github/workflows", ".husky", ".claude", ".kiro/hooks"])(
    "that hold what runs are worth a remark, which does not drown what is in them: %s",
    (path) => {
      expect(folderRisk(path).level).toBe("low");
      expect(riskOf(`${path}/x`).level).toBe("high");
    },
  );

  it("within known ones are told by what is known of them, not of the one around", () => {
    expect(riskOf(".kiro/hooks/x").reasons).toEqual(["gives an AI agent on the host tools, hooks or permissions"]);
    expect(riskOf(".kiro/steering/x").reasons).toEqual(["instructs an AI agent on the host"]);
  });

  it.each(["build", "workspace", "Makefile", "src", ".github", "x.service"])("are not taken for files: %s", (path) => {
    expect(folderRisk(path).level).toBe("none");
  });
});
