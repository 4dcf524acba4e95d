import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change, EntryState } from "../../../src/model/change.js";
import { assessRisk } from "../../../src/risk/assess.js";
import { canonicalNames, foldName } from "../../../src/risk/canonical.js";
import {
  bareRepositoryReasons,
  collisionReasons,
  deletionWarnings,
  massDeletions,
} from "../../../src/risk/whole-set.js";

const file: EntryState = { type: "file", mode: 0o644, size: 10 };
const folder: EntryState = { type: "dir", mode: 0o755, size: 0 };

function addedRisk(path: string) {
  return assessRisk({ path, kind: "added", before: null, after: file });
}

describe("git's folder under another name", () => {
  it.each([
    [".GIT/config", "case"],
    [".Git/hooks/x", "case"],
    [".git /config", "a trailing space, dropped by NTFS"],
    [".git./config", "a trailing dot, dropped by NTFS"],
    [".git. . ./config", "dots and spaces"],
    [".git...", "dots"],
    ["git~1/config", "the short name"],
    ["GIT~1/config", "the short name"],
    [".g\u200cit/config", "a zero-width non-joiner, dropped by HFS+"],
    [".gi\u200dt/config", "a zero-width joiner"],
    [".git\u200e/config", "a left-to-right mark"],
    [".\ufeffgit/config", "a byte order mark"],
    ["\u202e.git/config", "an override"],
    [".g\u2063it/config", "an invisible separator"],
    [".g\u00adit/config", "a soft hyphen"],
    [".git::$INDEX_ALLOCATION/config", "a stream of NTFS"],
    [".git:x", "a stream of NTFS"],
    [".g\u0131t/config".replace("\u0131", "\u0049"), "a capital I"],
    ["\uff0egit/config", "a full-width full stop"],
    [".\uff47\uff49\uff54/config", "full-width letters"],
    ["sub\\.git\\config", "backslashes, folders on Windows"],
    ["a/.git\\hooks\\pre-commit", "a backslash within"],
    [".\u{1d420}\u{1d422}\u{1d42d}/config", "mathematical letters"],
  ])("is seen through: %j (%s)", (path) => {
    const { level, reasons } = addedRisk(path);
    expect(level).toBe("high");
    expect(reasons.join("\n")).toMatch(/git's own data/);
    expect(reasons).toContain("is `.git` under another name");
  });

  it.each([".gitignore", "git", ".gi", "x.git", ".git2/config", "gitt~1/x", ".github/x", "a.git/config"])(
    "is not seen where it is not: %s",
    (path) => {
      expect(addedRisk(path).reasons.join()).not.toMatch(/git's own data/);
    },
  );

  it.each([
    [".Vscode/tasks.json", /editor/],
    [".mcp.JSON", /AI agent/],
    ["\uff2dakefile", /built/],
    ["gitmod~1", /tells git/],
    ["GI7EBA~1", /tells git/],
    [".envrc.", /shell/],
    [".envrc ", /shell/],
    ["Make\u200bfile", /built/],
    [".VS\u200bCODE\\tasks.json", /editor/],
    ["agent\u017f.md", /AI agent/],
  ])("is one of many names that are seen through: %j", (path, reason) => {
    expect(addedRisk(path).reasons.join("\n")).toMatch(reason);
  });
});

describe("canonical names", () => {
  it.each([
    ["a/b/c", ["a", "b", "c"]],
    ["A/B", ["a", "b"]],
    ["a\\b", ["a", "b"]],
    ["stra\u00dfe", ["strasse"]],
    ["\ufb01le", ["file"]],
    ["cafe\u0301", ["caf\u00e9"]],
    ["x:stream", ["x"]],
    ["...", ["..."]],
    [" ", [" "]],
    ["\udcff", ["\udcff"]],
  ])("of %j", (path, names) => {
    expect(canonicalNames(path)).toEqual(names);
  });

  it("are the same for a name and its folded self", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 12 }), (name) => {
        expect(foldName(foldName(name))).toBe(foldName(name));
      }),
    );
  });

  it("never throw, whatever a path holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (path) => {
        expect(["none", "low", "high"]).toContain(addedRisk(path).level);
      }),
    );
  });
});

describe("deceiving names", () => {
  it.each([
    ["a\nb", /control/],
    ["\u001b[2J", /control/],
    ["x\rRemoved: y", /control/],
    ["tab\there", /control/],
    ["\u007f", /control/],
    ["\u0085x", /control/],
    ["\u202egnp.exe", /reading direction/],
    ["a\u2066b", /reading direction/],
    ["a\u061cb", /reading direction/],
    ["a\u200bb", /invisible/],
    ["a\ufeffb", /invisible/],
    ["a\u2060b", /invisible/],
    ["a\u3164b", /invisible/],
    ["a\ufe0fb", /invisible/],
    ["a\u{e0100}b", /invisible/],
    ["a\u{e0041}b", /invisible/],
    ["\udcff\udcfe.js", /not valid UTF-8/],
    ["\ue000", /unprintable/],
  ])("are of high risk: %j", (path, reason) => {
    const { level, reasons } = addedRisk(path);
    expect(level).toBe("high");
    expect(reasons.join("\n")).toMatch(reason);
  });

  it.each([
    ["-rf", /option/],
    ["dir/--checkpoint-action=exec=sh x.sh", /option/],
    ["--upload-pack=x", /option/],
    ["CON", /Windows keeps/],
    ["src/aux.txt", /Windows keeps/],
    ["lib/Com1.js/x", /Windows keeps/],
    ["nul", /Windows keeps/],
    ["name.", /dot/],
    ["a./b", /dot/],
    [" x", /space/],
    ["x ", /space/],
    ["a / b", /space/],
    ["back\\slash", /backslash/],
  ])("are worth a remark: %j", (path, reason) => {
    const { level, reasons } = addedRisk(path);
    expect(level).toBe("low");
    expect(reasons.join("\n")).toMatch(reason);
  });

  it.each([
    "caf\u00e9.txt",
    "\u65e5\u672c\u8a9e",
    "\ud83d\ude00.md",
    "a b",
    "a'b",
    "x+y=z",
    "console.ts",
    "auxiliary",
    "com10.txt",
    "...",
    "..a",
    "$(id)",
    "*",
    "~root",
    "`id`",
  ])("are not these: %j", (path) => {
    expect(addedRisk(path)).toEqual({ level: "none", reasons: [] });
  });

  it("only lower the risk to low when they are taken away", () => {
    expect(assessRisk({ path: "a\nb", kind: "deleted", before: file, after: null }).level).toBe("low");
  });
});

function change(path: string, more: Partial<Change> = {}): Change {
  return {
    path,
    kind: "added",
    type: "file",
    before: null,
    after: file,
    binary: false,
    risk: { level: "none", reasons: [] },
    conflict: false,
    masked: false,
    ...more,
  };
}

const gone = (path: string, before: EntryState = file) => change(path, { kind: "deleted", before, after: null });

describe("names that collide", () => {
  it.each([
    ["README", "readme"],
    ["stra\u00dfe", "strasse"],
    ["caf\u00e9", "cafe\u0301"],
    ["\ufb01le", "file"],
    ["K", "\u212a"],
    ["d/A", "d/a"],
    ["\u03c3", "\u03c2"],
  ])("are found among the changes: %j and %j", (left, right) => {
    const found = collisionReasons([change(left), change(right)]);
    expect(found.map(({ path }) => path).sort()).toEqual([left, right].sort());
  });

  it.each([
    ["a", "b"],
    ["a/x", "b/X"],
    ["cafe", "caf\u00e9"],
    ["\udcff", "\udcfe"],
  ])("are not these: %j and %j", (left, right) => {
    expect(collisionReasons([change(left), change(right)])).toEqual([]);
  });

  it("are found with what the base has there", () => {
    const siblings = (folder: string) => (folder === "d" ? ["readme", "other"] : []);
    expect(collisionReasons([change("d/README")], siblings).map(({ path }) => path)).toEqual(["d/README"]);
    expect(collisionReasons([change("d/README"), gone("d/readme")], siblings)).toEqual([]);
    expect(collisionReasons([change("README")], siblings)).toEqual([]);
  });

  it("quote the other name, so that it cannot deceive", () => {
    const [first] = collisionReasons([change("A\n"), change("a\n")]);
    expect(first?.reason).toContain('"a\\n"');
  });
});

describe("repositories without a .git folder", () => {
  const parts = ["HEAD", "config", "objects", "refs"].map((each) => change(`x/y.tmp/${each}`));

  it("are found by what they hold, in any letters", () => {
    const paths = bareRepositoryReasons([...parts, change("x/y.tmp/other")]).map(({ path }) => path);
    expect(paths).toEqual(parts.map(({ path }) => path));
    const inCapitals = parts.map(({ path }) => change(path.toUpperCase()));
    expect(bareRepositoryReasons(inCapitals)).toHaveLength(4);
    expect(bareRepositoryReasons(parts.map(({ path }) => change(path.slice("x/y.tmp/".length))))).toHaveLength(4);
  });

  it("are found when the base has a part of them", () => {
    const siblings = (folder: string) => (folder === "x" ? ["HEAD", "objects", "refs"] : []);
    expect(bareRepositoryReasons([change("x/config")], siblings).map(({ path }) => path)).toEqual(["x/config"]);
  });

  it("are not found in parts, in `.git` itself, or when they go", () => {
    expect(bareRepositoryReasons(parts.slice(1))).toEqual([]);
    expect(bareRepositoryReasons(parts.map(({ path }) => gone(path)))).toEqual([]);
    expect(bareRepositoryReasons(["HEAD", "objects", "refs"].map((each) => change(`.git/${each}`)))).toEqual([]);
    expect(bareRepositoryReasons([change("x/HEAD"), change("y/objects"), change("z/refs")])).toEqual([]);
  });
});

describe("mass deletions", () => {
  const many = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => gone(`${prefix}${at}`));

  it("are named at the topmost folder that went", () => {
    const changes = [gone("src", folder), gone("src/lib", folder), ...many("src/lib/", 60), ...many("other/", 10)];
    expect(massDeletions(changes)).toEqual([{ path: "src", reason: "61 paths below it are deleted" }]);
  });

  it("count what lay below a folder that became something else", () => {
    const flip = change("d", { kind: "type", before: folder, after: file });
    expect(massDeletions([flip, ...many("d/", 50)]).map(({ path }) => path)).toEqual(["d"]);
  });

  it("begin at fifty", () => {
    expect(massDeletions([gone("d", folder), ...many("d/", 49)])).toEqual([]);
    expect(deletionWarnings(many("x", 49))).toEqual([]);
    expect(deletionWarnings(many("x", 50))).toEqual(["50 paths are deleted"]);
  });

  it("are said for the whole set and for each large part of it", () => {
    const warnings = deletionWarnings([...many("a/", 60), ...many("b/", 70), ...many("c/", 5), change("d")]);
    expect(warnings).toEqual(["135 paths are deleted", "70 paths are deleted in b/", "60 paths are deleted in a/"]);
  });
});
