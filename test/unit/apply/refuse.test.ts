import { describe, expect, it } from "vitest";
import { leaveOff, refusalOf } from "../../../src/apply/refuse.js";
import type { Change, EntryState } from "../../../src/model/change.js";
import { changesBetween, dir, entryOf, fifo, file, type Spec } from "./plan-world.js";

function added(path: string, spec: Spec = "x", more: Partial<Change> = {}): Change {
  const [change] = changesBetween({}, { [path]: spec }, more);
  if (change === undefined) throw new Error("nothing changed");
  return change;
}

describe("what is never applied", () => {
  it.each([
    ".git/config",
    ".git",
    ".GIT/config",
    ".Git/hooks/pre-commit",
    "sub/.git/config",
    "sub/.git",
    ".git /config",
    ".git./config",
    "git~1/config",
    "GIT~1/config",
    ".g\u200cit/config",
    ".git::$INDEX_ALLOCATION/config",
    ".git\\hooks\\pre-commit",
    "a/b/.giT/modules/x/config",
    "\uff0egit/config",
  ])("git's data: %j", (path) => {
    expect(refusalOf(added(path))).toMatch(/^git data is never applied as files; airlock apply --commits/);
  });

  it("git's data when it is deleted or changed", () => {
    const [gone] = changesBetween({ ".git/hooks/x": "a" }, {});
    const [other] = changesBetween({ ".git/config": "a" }, { ".git/config": "b" });
    expect([gone, other].map((each) => each && refusalOf(each))).toEqual([
      expect.stringMatching(/^git data/),
      expect.stringMatching(/^git data/),
    ]);
  });

  it.each([
    ["a\nb", /control characters/],
    ["\u001b[2J", /control characters/],
    ["x\rRemoved: y", /control characters/],
    ["tab\tname", /control characters/],
    ["c1\u009b", /control characters/],
    ["\udcff\udcfe.js", /not valid UTF-8/],
    ["in/\udc80/x", /not valid UTF-8/],
    ["../x", /inside the project/],
    ["a/../../x", /inside the project/],
    ["/etc/passwd", /inside the project/],
    ["a//b", /inside the project/],
    ["", /inside the project/],
    ["a/./b", /inside the project/],
    ["nul\0", /inside the project/],
    [".airlock-apply-0123456789abcdef/x", /Airlock's own/],
    [".AIRLOCK-apply-x", /Airlock's own/],
  ])("the name %j", (path, reason) => {
    expect(refusalOf(added(path))).toMatch(reason);
  });

  it.each([
    "-rf",
    "--checkpoint-action=exec=sh x.sh",
    "*",
    "~root",
    "$(id)",
    "CON",
    "aux.txt",
    "a.",
    " a ",
    "caf\u00e9",
    "\u{1f600}",
    ".gitignore",
    "git",
    ".github/x",
    "gitx~1",
  ])("but not the name %j, which is only said", (path) => expect(refusalOf(added(path))).toBeNull());

  it("lets a file change or go whose name the host has already", () => {
    for (const after of [{}, { "a\nb": "y" }]) {
      const [change] = changesBetween({ "a\nb": "x" }, after);
      expect(change && refusalOf(change)).toBeNull();
    }
  });

  it.each([
    ["a pipe, a socket or a device", {}, { x: fifo }, /^is a pipe, a socket or a device$/],
    ["one in the place of a file", { x: "a" }, { x: fifo }, /^is a pipe/],
    ["a file in the place of one of the host's", { x: fifo }, { x: "a" }, /on the host, which could not be put back/],
    ["the deletion of one of the host's", { x: fifo }, {}, /on the host/],
    ["a link to nothing", {}, { x: { to: "" } }, /target is not known/],
    [
      "a content without a hash",
      {},
      { x: { type: "file", mode: 0o644, size: 1 } as EntryState },
      /too large to be hashed/,
    ],
    [
      "a change of what cannot be read on the host",
      { x: { type: "file", mode: 0, size: 1 } as EntryState },
      { x: "a" },
      /cannot be hashed/,
    ],
    [
      "the deletion of what cannot be read",
      { x: { type: "file", mode: 0, size: 1 } as EntryState },
      {},
      /cannot be hashed/,
    ],
  ])("%s", (_, before, after, reason) => {
    const [change] = changesBetween(before, after);
    expect(change && refusalOf(change)).toMatch(reason);
  });

  it("what was hidden and made anew, unless that was allowed", () => {
    expect(refusalOf(added(".env", "KEY=x", { masked: true }))).toMatch(/hidden from the sandbox/);
    expect(refusalOf(added(".env", "KEY=x", { masked: true }), true)).toBeNull();
  });
});

describe("what is left off", () => {
  function between(before: EntryState | null, after: EntryState): { mode: string; notes: readonly string[] } {
    const [change] = changesBetween(before === null ? {} : { x: before }, { x: after });
    if (change === undefined) throw new Error("nothing changed");
    const { mode, notes } = leaveOff(change, undefined);
    return { mode: mode.toString(8), notes };
  }

  it.each([
    ["every permission bit is kept", null, file("a", 0o777), "777", []],
    ["set-user-id", null, file("a", 0o4755), "755", ["its set-user-id bit is not applied"]],
    ["several", null, file("a", 0o7755), "755", ["its set-user-id and set-group-id and sticky bits are not applied"]],
    ["of a new folder", null, dir(0o3775), "775", ["its set-group-id and sticky bits are not applied"]],
    ["not those that the host's folder has", dir(0o2775), dir(0o2755), "2755", []],
    ["those that the host's folder does not have", dir(0o2775), dir(0o3775), "2775", ["its sticky bit is not applied"]],
    ["not where they were taken away", dir(0o2775), dir(0o775), "775", []],
    ["not those of a file whose content stays", file("a", 0o4755), file("a", 0o4711), "4711", []],
    [
      "those of a file with new content",
      file("a", 0o4755),
      file("b", 0o4755),
      "755",
      ["its set-user-id bit is not applied"],
    ],
    [
      "those of a folder that was a file",
      file("a", 0o2755),
      dir(0o2755),
      "755",
      ["its set-group-id bit is not applied"],
    ],
  ] as const)("%s", (_, before, after, mode, notes) => {
    expect(between(before, after)).toEqual({ mode, notes });
  });

  it("names extended attributes and access control lists, and leaves security labels to the host", () => {
    const [change] = changesBetween({}, { x: "a" });
    if (change === undefined) throw new Error("nothing changed");
    const notes = (attributes: string[]) => leaveOff(change, entryOf("x", { attributes })).notes;
    expect(notes(["user.a", "security.capability"])).toEqual([
      "its extended attributes are not applied: user.a, security.capability",
    ]);
    expect(notes(["system.posix_acl_access"])).toEqual(["its access control list is not applied"]);
    expect(notes(["security.selinux"])).toEqual([]);
  });
});
