import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requireConsistent } from "../../../src/apply/plan-steps.js";
import type { ApplyPlan, ConflictPolicy } from "../../../src/model/apply.js";
import type { Change } from "../../../src/model/change.js";
import { canonicalNames } from "../../../src/risk/canonical.js";
import {
  changesBetween,
  dir,
  entryOf,
  fifo,
  file,
  inShort,
  namesIn,
  planFor,
  type Spec,
  sha256,
  type World,
} from "./plan-world.js";

describe("what an apply takes in", () => {
  const cases: readonly [string, World, World, readonly string[], string[]][] = [
    [
      "new folders around a new file",
      {},
      { a: null, "a/b": null, "a/b/c": "x", "a/d": "y" },
      ["a/b/c"],
      ["/a", "/a/b", "+a/b/c"],
    ],
    ["a file that became a folder, for what lies in it", { a: "x" }, { a: null, "a/b": "y" }, ["a/b"], ["/a", "+a/b"]],
    ["a link that became a folder", { a: { to: "b" } }, { a: null, "a/b": "y" }, ["a/b"], ["/a", "+a/b"]],
    [
      "the deletions below a folder that became a file",
      { a: null, "a/b": "x", "a/c": null, "a/c/d": "y" },
      { a: "z" },
      ["a"],
      ["+a", "-a/b", "-a/c", "-a/c/d"],
    ],
    [
      "the deletions below a folder that became a link",
      { a: null, "a/b": "x" },
      { a: { to: "e" } },
      ["a"],
      ["+a", "-a/b"],
    ],
    ["nothing else for a deletion", { a: null, "a/b": "x" }, {}, ["a/b"], ["-a/b"]],
    [
      "nothing else for a change in a folder with another mode",
      { a: dir(0o755), "a/b": "x" },
      { a: dir(0o700), "a/b": "y" },
      ["a/b"],
      ["+a/b"],
    ],
    ["nothing when nothing was chosen", { a: "x" }, { b: "y" }, [], []],
    ["no folder for what is refused in it", {}, { a: null, "a/b": fifo }, ["a/b"], []],
  ];
  it.each(cases)("%s", (_, before, after, paths, made) => {
    expect(inShort(planFor(before, changesBetween(before, after), { paths })).made).toEqual(made);
  });

  it("leaves what lies in a new folder that is not applied", () => {
    const changes = changesBetween({}, { "a\n": null, "a\n/b": "x", "a\n/b/c": "y" });
    const plan = planFor({}, changes);
    expect(inShort(plan)).toMatchObject({ made: [], skipped: ["a\n", "a\n/b", "a\n/b/c"] });
    const masked = changesBetween({}, { s: null, "s/k": "x" }).map((each) => ({ ...each, masked: each.path === "s" }));
    expect(planFor({}, masked).skipped[1]).toEqual({
      path: "s/k",
      reason: expect.stringMatching(/^lies in s, which is not applied: is hidden/),
    });
  });
});

describe("what a person said no to", () => {
  it("is not taken in for anything else, and what cannot be without it is left", () => {
    const before: World = { a: "file", d: null, "d/x": "1" };
    const changes = changesBetween(before, { a: null, "a/b": "y", d: "file" });
    const refused = new Set(["a", "d/x"]);
    const plan = planFor(before, changes, { refused, paths: ["a/b", "d"] });
    expect(inShort(plan)).toEqual({ made: [], skipped: ["a/b", "d"], conflicts: [] });
    expect(plan.skipped[0]?.reason).toBe("lies in a, which is not applied: refused");
  });
});

describe("a folder goes only with all that it holds", () => {
  const before: World = {
    d: null,
    "d/a": "1",
    "d/b": "2",
    "d/.env": "secret",
    "d/sub": null,
    "d/sub/.git": null,
    "d/sub/x": "3",
  };

  it("stays when something in it was not chosen", () => {
    const host: World = { d: null, "d/a": "1", "d/b": "2" };
    const plan = planFor(host, changesBetween(host, {}), { paths: ["d", "d/a"] });
    expect(inShort(plan)).toMatchObject({ made: ["-d/a"], skipped: ["d"] });
    expect(plan.skipped[0]?.reason).toBe("still holds d/b, which stays");
  });

  it("stays when something hidden is in it, with the folders around it", () => {
    const changes = changesBetween({ d: null, "d/a": "1", "d/b": "2" }, {});
    expect(inShort(planFor(before, changes))).toMatchObject({ made: ["-d/a", "-d/b"], skipped: ["d"] });
  });

  it("stays when git's data is in it, at any depth", () => {
    const host: World = { d: null, "d/sub": null, "d/sub/.git": null, "d/sub/.git/HEAD": "x", "d/sub/x": "3" };
    const plan = planFor(host, changesBetween(host, {}));
    expect(inShort(plan)).toMatchObject({
      made: ["-d/sub/x"],
      skipped: ["d", "d/sub", "d/sub/.git", "d/sub/.git/HEAD"],
    });
  });

  it("becomes a file whole or not at all", () => {
    const host: World = { d: null, "d/a": "1", "d/.git": "gitdir: x" };
    const plan = planFor(host, changesBetween(host, { d: "file" }));
    expect(inShort(plan)).toMatchObject({ made: [], skipped: ["d", "d/.git", "d/a"] });
    expect(inShort(planFor(host, changesBetween(host, { d: "file" }), { paths: ["d"] }))).toMatchObject({
      made: [],
      skipped: ["d"],
    });
    expect(inShort(planFor(host, changesBetween(host, { d: fifo })))).toMatchObject({ made: [] });
  });
});

describe("what an operation asks for", () => {
  it("is the layer's time, the reviewed content and what the person saw on the host", () => {
    const changes = changesBetween({ a: "old" }, { a: "new", l: { to: "../out" }, n: null });
    const entries = new Map(["a", "l", "n"].map((path) => [path, entryOf(path, { mtimeNs: 123_456_789n })]));
    expect(planFor({ a: "old" }, changes, { entries }).operations).toEqual([
      {
        path: "a",
        expected: file("old"),
        after: { type: "file", mode: 0o644, mtimeNs: 123_456_789n, size: 3, sha256: sha256("new") },
        content: { from: "a" },
      },
      {
        path: "l",
        expected: null,
        after: { type: "symlink", mode: 0o777, mtimeNs: 123_456_789n, target: "../out" },
        content: null,
      },
      { path: "n", expected: null, after: { type: "dir", mode: 0o755, mtimeNs: 123_456_789n }, content: null },
    ]);
  });

  it("is no content where only the mode changed, also of the project itself", () => {
    const before = { a: file("x", 0o644), ".": dir(0o755) };
    const entries = new Map([["", entryOf("", { kind: "dir", mtimeNs: 9n })]]);
    const plan = planFor(before, changesBetween(before, { a: file("x", 0o755), ".": dir(0o700) }), { entries });
    expect(plan.operations).toEqual([
      { path: ".", expected: dir(0o755), after: { type: "dir", mode: 0o700, mtimeNs: 9n }, content: null },
      expect.objectContaining({ path: "a", content: null, after: expect.objectContaining({ mode: 0o755 }) }),
    ]);
  });

  it("is nothing where only bits changed that are not applied", () => {
    const before = { a: file("x", 0o755) };
    const plan = planFor(before, changesBetween(before, { a: file("x", 0o4755) }));
    expect(plan).toEqual({
      operations: [],
      skipped: [{ path: "a", reason: "its set-user-id bit is not applied" }],
      conflicts: [],
    });
  });

  it("is applied while what is left off it is listed", () => {
    const entries = new Map([["a", entryOf("a", { attributes: ["user.x"] })]]);
    const plan = planFor({}, changesBetween({}, { a: file("x", 0o6755) }), { entries });
    expect(plan.operations[0]?.after?.mode).toBe(0o755);
    expect(plan.skipped).toEqual([
      { path: "a", reason: "its set-user-id and set-group-id bits are not applied" },
      { path: "a", reason: "its extended attributes are not applied: user.x" },
    ]);
  });

  it("is the chosen part of a file, at the moment of writing", () => {
    const bytes = Buffer.from("part");
    const plan = planFor({ a: "old" }, changesBetween({ a: "old" }, { a: "whole" }), {
      overrides: new Map([["a", bytes]]),
    });
    expect(plan.operations[0]).toMatchObject({
      after: { mtimeNs: null, size: 4, sha256: sha256("part") },
      content: { bytes },
    });
  });

  it("is the change as it was chosen, not as it was found", () => {
    const [change] = changesBetween({ a: "old" }, { a: file("new", 0o755) });
    if (change === undefined) throw new Error("nothing changed");
    const chosen = [{ ...change, after: file("new", 0o644) }];
    expect(planFor({ a: "old" }, [change], { chosen }).operations[0]?.after?.mode).toBe(0o644);
  });
});

describe("hard links", () => {
  const entries = (inode: (path: string) => string, links = 2) =>
    new Map(["a", "b", "c"].map((path) => [path, entryOf(path, { inode: inode(path), links })]));
  const linksOf = ({ operations }: ApplyPlan) => operations.map(({ after }) => after?.link);

  it("become one file where all of the content is new", () => {
    const changes = changesBetween({ a: "old" }, { a: "x", b: "x", c: "x" });
    const plan = planFor({ a: "old" }, changes, { entries: entries((path) => (path === "c" ? "8" : "7")) });
    expect(linksOf(plan)).toEqual(["7", "7", undefined]);
  });

  it("are none with what was not chosen, what was chosen in part, and what has another mode here", () => {
    const changes = changesBetween({}, { a: "x", b: "x" });
    const same = entries(() => "7");
    expect(linksOf(planFor({}, changes, { entries: same, paths: ["a"] }))).toEqual([undefined]);
    expect(linksOf(planFor({}, changes, { entries: same, overrides: new Map([["a", Buffer.from("y")]]) }))).toEqual([
      undefined,
      undefined,
    ]);
    const modes = changesBetween({}, { a: file("x", 0o644), b: file("x", 0o755) });
    expect(linksOf(planFor({}, modes, { entries: same }))).toEqual([undefined, undefined]);
    expect(linksOf(planFor({}, changes, { entries: entries(() => "7", 1) }))).toEqual([undefined, undefined]);
  });
});

describe("names that the host cannot tell apart", () => {
  const insensitive = { caseInsensitive: true };
  it.each([
    ["two new names", {}, { README: "a", readme: "b" }, [], ["README", "readme"]],
    ["decomposed letters", {}, { "caf\u00e9": "a", "cafe\u0301": "b" }, [], ["cafe\u0301", "caf\u00e9"]],
    ["a sharp s", {}, { stra\u00dfe: "a", strasse: "b" }, [], ["strasse", "stra\u00dfe"]],
    ["one that the host has", { README: "a" }, { README: "a", readme: "b" }, [], ["readme"]],
    ["folders, with what they hold", {}, { A: null, "A/x": "1", a: null, "a/x": "2" }, [], ["A", "A/x", "a", "a/x"]],
    ["not one that goes in the same apply", { README: "a" }, { readme: "a" }, ["-README", "+readme"], []],
    ["not a change of one that is there", { README: "a" }, { README: "b" }, ["+README"], []],
  ] as [string, World, World, string[], string[]][])("%s", (_, before, after, made, skipped) => {
    const changes = changesBetween(before, after);
    expect(inShort(planFor(before, changes, insensitive))).toMatchObject({ made, skipped });
    const plain = inShort(planFor(before, changes));
    expect(plain.skipped).toEqual([]);
  });
});

type Row = readonly [string, World, World, Partial<Change>, Record<ConflictPolicy, string>];
const beside = "NAME.airlock-brisk-otter-3f2a";
// Per policy: what is made, then what is skipped, then the conflicts.
const matrix: readonly Row[] = [
  [
    "deleted in the session, modified on the host",
    { x: "host" },
    {},
    {},
    { fail: "| | x", "keep-host": "| x |", "take-sandbox": "-x | |", both: "| x |", merge: "| | x" },
  ],
  [
    "modified in the session, deleted on the host",
    {},
    { x: "session" },
    {},
    { fail: "| | x", "keep-host": "| x |", "take-sandbox": "+x | |", both: `+${beside} | x |`, merge: "| | x" },
  ],
  [
    "added on both sides, with different content",
    { x: "host" },
    { x: "session" },
    {},
    { fail: "| | x", "keep-host": "| x |", "take-sandbox": "+x | |", both: `+${beside} | x |`, merge: "| | x" },
  ],
  [
    "added on both sides with one content and two modes",
    { x: file("same", 0o644) },
    { x: file("same", 0o755) },
    {},
    { fail: "| | x", "keep-host": "| x |", "take-sandbox": "+x | |", both: "| x |", merge: "| | x" },
  ],
  [
    "a folder in the session, new content on the host",
    { x: "host" },
    { x: null, "x/in": "session" },
    {},
    {
      fail: "| x/in | x",
      "keep-host": "| x x/in |",
      "take-sandbox": "/x +x/in | |",
      both: `/${beside} +${beside}/in | x |`,
      merge: "| x/in | x",
    },
  ],
  [
    "a file in the session, a folder on the host",
    { x: null, "x/in": "host" },
    { x: "session" },
    {},
    {
      fail: "| x/in | x",
      "keep-host": "| x x/in |",
      "take-sandbox": "+x -x/in | |",
      both: `+${beside} | x x/in |`,
      merge: "| x/in | x",
    },
  ],
  [
    "a link in the session, another one on the host",
    { x: { to: "host" } },
    { x: { to: "session" } },
    {},
    { fail: "| | x", "keep-host": "| x |", "take-sandbox": "+x | |", both: `+${beside} | x |`, merge: "| | x" },
  ],
  [
    "another mode in the session, and the folder changed on the host",
    { x: dir(0o755) },
    { x: dir(0o700) },
    {},
    { fail: "| | x", "keep-host": "| x |", "take-sandbox": "/x | |", both: "| x |", merge: "| | x" },
  ],
  [
    "renamed on both sides, to different names",
    { theirs: "1" },
    { theirs: "1", x: "1" },
    {},
    { fail: "| | x", "keep-host": "| x |", "take-sandbox": "+x | |", both: `+${beside} | x |`, merge: "| | x" },
  ],
  [
    "a folder deleted in the session that changed on the host",
    { x: null, "x/in": "host" },
    {},
    {},
    {
      fail: "| x/in | x",
      "keep-host": "| x x/in |",
      "take-sandbox": "-x -x/in | |",
      both: "| x x/in |",
      merge: "| x/in | x",
    },
  ],
];
const policies: readonly ConflictPolicy[] = ["fail", "keep-host", "take-sandbox", "both", "merge"];

describe("a path that both sides changed", () => {
  const each = matrix.flatMap((row) => policies.map((policy) => [row[0], policy, row] as const));
  it.each(each)("%s: %s", (_, policy, [, before, after, more, outcomes]) => {
    // What lies in a folder did not change by itself: the folder around it did.
    const changes = changesBetween(before, after, more).map((change) => ({ ...change, conflict: change.path === "x" }));
    const { made, skipped, conflicts } = inShort(planFor(before, changes, { policy }));
    const outcome = [made, skipped, conflicts].map((paths) => paths.join(" ")).join(" | ");
    expect(outcome.replaceAll("x.airlock-brisk-otter-3f2a", beside).replace(/ +/g, " ").trim()).toBe(outcomes[policy]);
  });

  it("is no conflict when both made the same of it", () => {
    const [change] = changesBetween({ x: "a" }, { x: "b" }, { conflict: true });
    if (change === undefined) throw new Error("nothing changed");
    const same = { ...change, before: file("b") };
    for (const policy of policies) {
      expect(planFor({ x: "b" }, [same], { policy })).toMatchObject({
        operations: [],
        conflicts: [],
        skipped: [{ path: "x" }],
      });
    }
  });

  it("is merged where that goes, and keeps the mode that the host has", () => {
    const changes = changesBetween({ x: file("host", 0o600) }, { x: file("session", 0o755) }, { conflict: true });
    const bytes = Buffer.from("both");
    const plan = planFor({ x: "host" }, changes, { policy: "merge", mergeOf: (path) => (path === "x" ? bytes : null) });
    expect(plan.operations).toEqual([
      {
        path: "x",
        expected: file("host", 0o600),
        after: { type: "file", mode: 0o600, mtimeNs: null, size: 4, sha256: sha256("both") },
        content: { bytes },
      },
    ]);
    expect(plan.skipped).toEqual([{ path: "x", reason: "its mode stays 0600, as on the host" }]);
  });

  it("is not merged when only some hunks of it were chosen", () => {
    const changes = changesBetween({ x: "host" }, { x: "session" }, { conflict: true });
    const mergeOf = () => Buffer.from("both");
    const overrides = new Map([["x", Buffer.from("part")]]);
    expect(inShort(planFor({ x: "host" }, changes, { policy: "merge", mergeOf, overrides }))).toMatchObject({
      made: [],
      conflicts: ["x"],
    });
  });

  it("gets a number where the name beside it is taken, and stays a conflict where no name is left", () => {
    const name = "x.airlock-brisk-otter-3f2a";
    const host: World = { d: null, "d/x": "host", [`d/${name}`]: "1", [`d/${name}-2`]: "2" };
    const changes = changesBetween({ "d/x": "host" }, { "d/x": "session", [`d/${name}-3`]: "new" }).map((change) => ({
      ...change,
      conflict: change.path === "d/x",
    }));
    const plan = planFor(host, changes, { policy: "both" });
    expect(inShort(plan).made).toEqual([`+d/${name}-3`, `+d/${name}-4`]);
    expect(plan.operations[1]).toMatchObject({ expected: null, content: { from: "d/x" } });
    expect(plan.skipped[0]?.reason).toContain(`d/${name}-4`);
    const long = "n".repeat(250);
    const other = changesBetween({ [long]: "host" }, { [long]: "session" }, { conflict: true });
    expect(inShort(planFor({ [long]: "host" }, other, { policy: "both" }))).toMatchObject({
      made: [],
      conflicts: [long],
    });
  });

  it("is never deleted with the folder around it, unless the session's version was asked for", () => {
    const host: World = { d: null, "d/a": "1", "d/new": "host" };
    const changes = changesBetween(host, {}).map((change) => ({ ...change, conflict: change.path === "d/new" }));
    expect(inShort(planFor(host, changes, { policy: "keep-host" }))).toMatchObject({
      made: ["-d/a"],
      skipped: ["d", "d/new"],
    });
    expect(inShort(planFor(host, changes, { policy: "take-sandbox" })).made).toEqual(["-d", "-d/a", "-d/new"]);
    const file = changesBetween(host, { d: "x" }).map((change) => ({ ...change, conflict: change.path === "d/new" }));
    expect(inShort(planFor(host, file, { policy: "keep-host" }))).toMatchObject({
      made: [],
      skipped: ["d", "d/a", "d/new"],
    });
    expect(inShort(planFor(host, file, { policy: "fail", paths: ["d"] }))).toMatchObject({
      made: [],
      skipped: ["d"],
      conflicts: ["d/new"],
    });
  });
});

const names = ["a", "b", "c", ".git", "n\nl", "\udcff"];
const specs = fc.oneof(
  fc.constantFrom<Spec>(null, null, null, "1", "22", { to: "a" }, { to: "/etc" }, fifo, file("1", 0o4755), dir(0o1777)),
);

/** A world in which everything lies in a folder. */
const worlds = (withOdd: boolean): fc.Arbitrary<World> =>
  fc
    .array(
      fc.tuple(
        fc.array(fc.constantFrom(...(withOdd ? names : ["a", "b", "c"])), { minLength: 1, maxLength: 3 }),
        specs,
      ),
      { maxLength: 12 },
    )
    .map((entries) => {
      const world: Record<string, Spec> = {};
      for (const [parts, spec] of entries) {
        const usable = withOdd || spec === null || typeof spec === "string" || "to" in spec;
        for (let depth = 1; depth < parts.length; depth += 1) {
          const folder = parts.slice(0, depth).join("/");
          if (!isFolder(world[folder])) world[folder] = null;
        }
        if (!isFolder(world[parts.join("/")])) world[parts.join("/")] = usable ? spec : "odd";
      }
      return world;
    });

function isFolder(spec: Spec | undefined): boolean {
  return spec === null || (typeof spec === "object" && "type" in spec && spec.type === "dir");
}

/** Carries a plan out in a model of the host; throws where the real one would stop. */
function carryOut(host: World, { operations }: ApplyPlan, contents: World): World {
  const result: Record<string, Spec> = { ...host };
  for (const { path, after } of operations.toReversed()) {
    if (after !== null && !(isFolder(host[path]) && after.type !== "dir")) continue;
    if (namesIn(result, path).length > 0) throw new Error(`${path} is not empty`);
    delete result[path];
  }
  for (const { path, after, content } of operations) {
    if (after === null) continue;
    const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : null;
    if (folder !== null && !isFolder(result[folder])) throw new Error(`${path} has no folder`);
    if (after.type === "dir") result[path] = null;
    else if (after.type === "symlink") result[path] = { to: after.target ?? "" };
    else result[path] = (content !== null && "from" in content ? contents[content.from] : host[path]) ?? "";
  }
  return result;
}

describe("any plan", () => {
  const choices = { policy: fc.constantFrom(...policies), insensitive: fc.boolean(), masked: fc.boolean() };
  const scenario = fc.record({
    before: worlds(true),
    after: worlds(true),
    picks: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    conflicts: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    ...choices,
  });

  it("holds each chosen change once, stays in the project and out of git's data, and can be carried out", () => {
    fc.assert(
      fc.property(scenario, ({ before, after, picks, conflicts, policy, insensitive, masked }) => {
        const changes = changesBetween(before, after).map((change, at) => ({
          ...change,
          conflict: conflicts[at % 40] === true,
          masked: masked && change.path === "b" && change.kind === "added",
        }));
        const chosen = changes.filter((_, at) => picks[at % 40] === true);
        const plan = planFor(before, changes, { chosen, policy, caseInsensitive: insensitive });
        requireConsistent(plan.operations);
        const sorted = [...plan.operations].map(({ path }) => path.replaceAll("/", "\0"));
        expect(sorted).toEqual([...sorted].sort());
        for (const { path, after: wanted } of plan.operations) {
          expect(canonicalNames(path)).not.toContain(".git");
          expect((wanted?.mode ?? 0) & 0o6000).toBe(0);
        }
        const sources = new Set(
          plan.operations.map(({ path, content }) => (content !== null && "from" in content ? content.from : path)),
        );
        const left = new Set(plan.skipped.map(({ path }) => path));
        const open = new Set(plan.conflicts.map(({ path }) => path));
        for (const { path } of chosen) {
          const moved = [...plan.operations].some(({ path: to }) => to.includes(".airlock-"));
          if (!moved)
            expect([path, Number(sources.has(path) || left.has(path)) + Number(open.has(path))]).toEqual([path, 1]);
          expect(sources.has(path) || left.has(path) || open.has(path) || moved).toBe(true);
          expect(open.has(path) && (sources.has(path) || left.has(path))).toBe(false);
        }
        if (policy !== "fail" && policy !== "merge")
          expect(plan.conflicts.filter(({ reason }) => !/too long/.test(reason))).toEqual([]);
        carryOut(before, plan, after);
      }),
      { numRuns: 2000 },
    );
  });

  it("makes the host what the workspace is when all is chosen and nothing refused", () => {
    fc.assert(
      fc.property(worlds(false), worlds(false), (before, after) => {
        const plan = planFor(before, changesBetween(before, after));
        expect(plan).toMatchObject({ skipped: [], conflicts: [] });
        expect(carryOut(before, plan, after)).toEqual(after);
      }),
      { numRuns: 2000 },
    );
  });

  it("applied in two parts leads where the whole would", () => {
    const scenario = fc.tuple(worlds(false), worlds(false), fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }));
    fc.assert(
      fc.property(scenario, ([before, after, picks]) => {
        const changes = changesBetween(before, after);
        const first = planFor(before, changes, { chosen: changes.filter((_, at) => picks[at % 20] === true) });
        const half = carryOut(before, first, after);
        const rest = planFor(half, changesBetween(half, after));
        expect(carryOut(half, rest, after)).toEqual(after);
      }),
      { numRuns: 1000 },
    );
  });

  it("replaces nothing of the host's that changed, unless the session's version was asked for", () => {
    const scenario = fc.record({
      before: worlds(false),
      after: worlds(false),
      policy: fc.constantFrom<ConflictPolicy>("keep-host", "both"),
    });
    fc.assert(
      fc.property(scenario, ({ before, after, policy }) => {
        const changes = changesBetween(before, after, { conflict: true });
        const result = carryOut(before, planFor(before, changes, { policy }), after);
        for (const [path, spec] of Object.entries(before)) expect(result[path]).toEqual(spec);
      }),
      { numRuns: 1000 },
    );
  });
});
