import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashObject, parseCommit, readLooseObject } from "../../../src/git/commit.js";
import { parseGitConfig } from "../../../src/git/config-file.js";
import { effectOfKey } from "../../../src/git/config-keys.js";
import { applyDelta } from "../../../src/git/delta.js";
import { inflateBounded } from "../../../src/git/inflate.js";
import { readPackedCommit } from "../../../src/git/pack-entry.js";
import { parsePackIndex } from "../../../src/git/pack-index.js";
import { isRefName, parseLooseRef, parsePackedRefs } from "../../../src/git/refs.js";

const id = "0123456789abcdef0123456789abcdef01234567";
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const anyBytes = fc.uint8Array({ maxLength: 600 }).map((each) => Buffer.from(each));

describe("reading refs", () => {
  it.each(["refs/heads/main", "refs/heads/a/b-c_d.e", "refs/tags/v1.0", "refs/heads/gr\u00fcn", "refs/stash"])(
    "takes %s for a ref",
    (name) => expect(isRefName(name)).toBe(true),
  );

  it.each([
    "HEAD",
    "refs/heads/../../config",
    "refs/heads/a..b",
    "refs/heads/.hidden",
    "refs/heads/a.lock",
    "refs/heads/a.lock/b",
    "refs/heads/",
    "refs//heads",
    "refs/heads/a b",
    "refs/heads/a\n",
    "refs/heads/a\u007f",
    "refs/heads/a~1",
    "refs/heads/a^",
    "refs/heads/a:b",
    "refs/heads/a?",
    "refs/heads/a*",
    "refs/heads/a[",
    "refs/heads/a\\b",
    "refs/heads/@{1}",
    "refs/heads/a.",
    `refs/heads/${"x".repeat(5000)}`,
  ])("refuses the name %j", (name) => expect(isRefName(name)).toBe(false));

  it("reads ids and symbolic refs, and nothing else", () => {
    expect(parseLooseRef(bytes(`${id}\n`))).toEqual({ id });
    expect(parseLooseRef(bytes("ref: refs/heads/main\n"))).toEqual({ symbolic: "refs/heads/main" });
    for (const text of ["", "ref: ../../etc/passwd", "ref: HEAD", `${id}0`, id.toUpperCase(), "--upload-pack=x"])
      expect(parseLooseRef(bytes(text))).toBeNull();
  });

  it("counts lines of packed-refs that git would not write", () => {
    const text = `# pack-refs with: peeled fully-peeled sorted\n${id} refs/heads/a\n${id} refs/tags/t\n^${id}\nevil\n${id} ../x\n^x\n`;
    const { refs, strange } = parsePackedRefs(bytes(text));
    expect([...refs.keys()]).toEqual(["refs/heads/a", "refs/tags/t"]);
    expect(strange).toBe(3);
  });
});

describe("reading objects", () => {
  const commitText = (more = ""): string =>
    `tree ${id}\nparent ${id}\nauthor A B <a@b> 1700000000 +0100\ncommitter C <c@d> 1700000060 +0000\n${more}\nsubject\n\nbody\n`;
  const loose = (type: string, body: Buffer): Buffer =>
    deflateSync(Buffer.concat([bytes(`${type} ${body.length}\0`), body]));

  it("reads a commit, signed or not, with the author's name as it is", () => {
    expect(parseCommit(id, bytes(commitText("gpgsig -----BEGIN\n parent x\n")))).toMatchObject({
      author: "A B <a@b>",
      subject: "subject",
      parents: [id],
      time: 1_700_000_060,
    });
  });

  it("reads a commit without a usable time, and refuses one without a tree or with a parent that is none", () => {
    expect(parseCommit(id, bytes(`tree ${id}\nauthor ?\n\n`))).toMatchObject({
      date: "",
      time: 0,
      author: "?",
      subject: "",
    });
    expect(parseCommit(id, bytes(`tree ${id}\nauthor A <a> 99999999999 +0000\n\nx`))?.date).toBe(
      "5138-11-16T09:46:39.000Z",
    );
    expect(parseCommit(id, bytes("parent x\n"))).toBeNull();
    expect(parseCommit(id, bytes(`tree ${id}\nparent ../../x\n\n`))).toBeNull();
  });

  it("believes an object only when it hashes to its name", () => {
    const body = bytes(commitText());
    const name = hashObject("commit", body, id);
    expect(readLooseObject(name, loose("commit", body))).toMatchObject({ kind: "commit" });
    expect(readLooseObject(id, loose("commit", body))).toMatchObject({ kind: "broken" });
    expect(readLooseObject(name, loose("blob", body))).toMatchObject({ kind: "broken" });
    const blob = hashObject("blob", body, id);
    expect(readLooseObject(blob, loose("blob", body))).toEqual({ kind: "other" });
  });

  it("stops inflating at the bound: a bomb of 64 MiB costs nothing", () => {
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage().rss;
    for (let each = 0; each < 50; each += 1) expect(inflateBounded(bomb, 300_000)).toBeNull();
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    expect(readLooseObject(id, bomb)).toMatchObject({ kind: "broken" });
  });

  it("refuses deltas that reach beyond their base, grow beyond the bound or lead into each other", () => {
    const base = bytes("0123456789");
    expect(applyDelta(base, Buffer.from([10, 4, 0x91, 2, 4]), 100)?.toString()).toBe("2345");
    expect(applyDelta(base, Buffer.from([10, 4, 0x91, 8, 4]), 100)).toBeNull();
    expect(applyDelta(base, Buffer.from([9, 4, 0x91, 2, 4]), 100)).toBeNull();
    expect(applyDelta(base, Buffer.from([10, 4, 0x91, 2, 4]), 3)).toBeNull();
    expect(applyDelta(base, Buffer.from([10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]), 100)).toBeNull();
    // An offset delta whose base is itself, at distance 0, and one whose distance leads before the pack.
    for (const distance of [0, 100]) {
      const pack = Buffer.concat([Buffer.alloc(12), Buffer.from([0x62, distance]), deflateSync(Buffer.from([1, 1]))]);
      expect(readPackedCommit({ bytes: pack, index: { count: 0, offsetOf: () => null } }, 12, 20, 1000)).toBeNull();
    }
  });

  it("never throws and never takes long, whatever the bytes are", () => {
    const header = Buffer.from([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]);
    fc.assert(
      fc.property(anyBytes, anyBytes, fc.nat(700), (one, two, offset) => {
        readLooseObject(id, one);
        readLooseObject(id, deflateSync(one));
        parseCommit(id, one);
        parseCommit(id, Buffer.concat([bytes(`tree ${id}\n`), one]));
        parseLooseRef(one);
        parsePackedRefs(one);
        parseGitConfig(one);
        parseGitConfig(Buffer.concat([bytes("[a]\n"), one]));
        applyDelta(one, two, 1000);
        const index = parsePackIndex(Buffer.concat([header, Buffer.alloc(1024), one]), 20);
        index?.offsetOf(id);
        readPackedCommit({ bytes: one, index: { count: 1, offsetOf: () => offset } }, offset, 20, 1000);
      }),
      { numRuns: 2_000 },
    );
  });

  it("finds nothing outside of a pack index that lies about its size", () => {
    for (const count of [1, 1000, 0xffffffff]) {
      const index = Buffer.alloc(8 + 1024 + 60);
      index.writeUInt32BE(0xff744f63, 0);
      index.writeUInt32BE(2, 4);
      for (let at = 0; at < 256; at += 1) index.writeUInt32BE(count, 8 + at * 4);
      expect(parsePackIndex(index, 20)).toBeNull();
    }
  });
});

describe("reading git's configuration", () => {
  const keys = (text: string): Record<string, readonly string[]> =>
    Object.fromEntries(parseGitConfig(bytes(text)).values);

  it("reads sections, subsections, quotes, escapes, comments and lines that go on", () => {
    expect(
      keys(`# c
[core]
\tbare = false ; why
\teditor = "vi; rm" -x
[remote "Or.igin"] url = a\\\\b
[Filter.LFS]
clean = one \\
  two
[alias] st = "!sh\\n"
flag
`),
    ).toEqual({
      "core.bare": ["false"],
      "core.editor": ["vi; rm -x"],
      "remote.Or.igin.url": ["a\\b"],
      "filter.lfs.clean": ["one   two"],
      "alias.st": ["!sh\n"],
      "alias.flag": ["true"],
    });
  });

  it("takes a megabyte of sections on one line in its stride", () => {
    const started = performance.now();
    parseGitConfig(bytes("[a]".repeat(350_000)));
    parseGitConfig(bytes(`[a "${"\\x".repeat(500_000)}`));
    parseGitConfig(bytes(`[a]\nb = ${'"'.repeat(1_000_000)}`));
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it.each([
    "core.fsmonitor",
    "core.sshcommand",
    "core.hookspath",
    "core.pager",
    "include.path",
    "includeif.gitdir:/x.path",
    "filter.lfs.clean",
    "filter.a.b.c.smudge",
    "diff.x.textconv",
    "merge.x.driver",
    "alias.anything",
    "credential.https://x.helper",
    "pager.log",
    "gpg.program",
    "gpg.ssh.program",
    "remote.origin.url",
    "submodule.lib.update",
    "url.https://x.insteadof",
    "core.worktree",
    "protocol.ext.allow",
    "hook.evil.command",
  ])("knows what %s does", (key) => expect(effectOfKey(key)).not.toBeNull());

  it.each(["user.name", "core.autocrlf", "branch.main.description", "color.ui"])("lets %s be", (key) =>
    expect(effectOfKey(key)).toBeNull(),
  );
});
