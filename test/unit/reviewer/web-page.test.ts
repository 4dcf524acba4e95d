import { describe, expect, it } from "vitest";
import { imageKind } from "../../../src/cli/web/image-kind.js";
import type { LookMessage } from "../../../src/cli/web/messages.js";
import { docId, pageDoc } from "../../../src/cli/web/page-doc.js";
import type { Change } from "../../../src/model/change.js";
import { newStore, relist, stagedMessage, stagedState, takeLook } from "../../../web/store.js";
import { fileState } from "../render/change-of.js";
import { changed, docOf } from "./sample.js";

const totals = { added: 0, modified: 0, deleted: 0, type: 0, mode: 0, highRisk: 0, conflicts: 0 };
const lookOf = (look: number, changes: readonly Change[]): LookMessage => ({
  look,
  session: "brisk-otter",
  changes,
  totals,
  infos: [],
});

describe("a diff on the page", () => {
  it("has every line escaped, and says where a line was cut", () => {
    const doc = docOf("f", "", `a\u202eb\u001b[2J\n${"x".repeat(5_000)}\n`);
    const { lines } = pageDoc(changed("f", "added"), doc);
    expect(lines[0]?.text).toBe("a\\u{202e}b\\x1b[2J");
    expect(lines[1]?.text).toMatch(/^x{4000} … \(1000 more characters/);
  });

  it("is named by what its lines are: another diff has another name", () => {
    const one = docOf("f", "a\n", "b\n");
    expect(docId(one)).toBe(docId(docOf("f", "a\n", "b\n")));
    expect(docId(one)).not.toBe(docId(docOf("f", "a\n", "c\n")));
    expect(docId(one)).not.toBe(docId(docOf("g", "a\n", "b\n")));
  });

  it("of very many lines says so, and none can be staged", () => {
    const doc = docOf("f", "", "x\n".repeat(50_001));
    const shown = pageDoc(changed("f", "added"), doc);
    expect(shown).toMatchObject({ lines: [], changed: [], isDivisible: false });
    expect(shown.notes[0]).toContain("50001 lines");
  });
});

describe("pictures", () => {
  it.each([
    ["89504e470d0a1a0a0000", "image/png"],
    ["ffd8ffe0", "image/jpeg"],
    ["474946383961", "image/gif"],
    ["52494646000000005745425056503820", "image/webp"],
    [Buffer.from("<svg onload=x>").toString("hex"), null],
    [Buffer.from("<!doctype html>").toString("hex"), null],
    ["", null],
  ])("are told by their first bytes: %s is %s", (hex, type) => {
    expect(imageKind(Buffer.from(hex, "hex"))).toBe(type);
  });
});

describe("what is staged on the page", () => {
  it("stays where a change is the very same, and not where it is another now", () => {
    const same = changed("same");
    const store = newStore(lookOf(1, [same, changed("other"), changed("gone")]));
    relist(store);
    store.staged = new Map(["same", "other", "gone"].map((path) => [path, "all" as const]));
    const other = { ...changed("other"), after: fileState(1, 0o644, "ff") };
    expect(takeLook(store, lookOf(2, [same, other]))).toBe(2);
    expect([...store.staged.keys()]).toEqual(["same"]);
    expect(stagedMessage(store)).toEqual([{ at: 0 }]);
    expect(stagedState(store.staged, ["same", "other"])).toBe("mixed");
  });

  it("is told by numbers: of changes, and of lines in the diff that is named", () => {
    const store = newStore(lookOf(1, [changed("a"), changed("b")]));
    const doc = pageDoc(changed("b"), docOf("b", "1\n", "2\n"));
    store.staged = new Map([["b", { doc, lines: new Set([1]) }]]);
    expect(stagedMessage(store)).toEqual([{ at: 1, doc: { id: doc.id, lines: [1] } }]);
  });

  it("is searched by the name that is shown", () => {
    const store = newStore(lookOf(1, [changed("a\u001b.txt"), changed("b.txt")]));
    store.query = "x1b";
    relist(store);
    expect(store.rows.filter(({ kind }) => kind === "change")).toHaveLength(1);
  });
});
