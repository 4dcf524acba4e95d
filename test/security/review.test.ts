import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { buildChangeSet } from "../../src/changes/change-set.js";
import { type CollectedChanges, collectChanges } from "../../src/changes/collect.js";
import { openHostBase } from "../../src/changes/host-base.js";
import { makePalette } from "../../src/cli/render/colour.js";
import { renderDiffText } from "../../src/cli/render/diff-text.js";
import type { Change } from "../../src/model/change.js";
import { at, contentsOf, layerBetween, scratch } from "../unit/changes/layer-between.js";

interface Reviewed extends CollectedChanges {
  readonly shown: string;
  change(path: string): Change;
}

function put(root: string, path: string, content: string | Uint8Array): void {
  const slash = path.lastIndexOf("/");
  if (slash !== -1) mkdirSync(at(root, path.slice(0, slash)), { recursive: true });
  writeFileSync(at(root, path), content);
}

/** What a person gets to see of what an agent did to a tree: the change set, and its rendering without colour. */
async function review(edit: (root: string) => void, fill: (root: string) => void = () => undefined): Promise<Reviewed> {
  using folder = scratch();
  const [before, after] = [`${folder.path}/before`, `${folder.path}/after`];
  mkdirSync(before);
  fill(before);
  execFileSync("cp", ["-a", before, after]);
  edit(after);
  await using base = openHostBase(before);
  const { signal } = new AbortController();
  const layer = contentsOf(after);
  const common = { layer, base, hidden: [], baseTimeMs: Date.now() + 60_000, signal };
  const collected = await collectChanges(buildChangeSet({ ...common, entries: layerBetween(before, after) }), base);
  const first = async (path: string): Promise<Uint8Array | null> =>
    (await layer.heads([path], 1024 * 1024, signal)).get(path) ?? null;
  const source = { readBefore: (path: string) => base.read(path, 1024 * 1024, signal), readAfter: first };
  const parts: string[] = [];
  for await (const part of renderDiffText({ ...collected, source, palette: makePalette(false), signal }))
    parts.push(part);
  const change = (path: string) => {
    const found = collected.changes.find((each) => each.path === path);
    if (found === undefined) throw new Error(`${path} is not among the changes`);
    return found;
  };
  return { ...collected, shown: parts.join(""), change };
}

/** The part of a diff that comes first: deletions and high risk with their reasons. */
function firstPart({ shown }: Reviewed): string {
  const start = shown.indexOf("Deletions and high risk:");
  return start === -1 ? "" : shown.slice(start, shown.indexOf("\n\n", start));
}

describe("names that one system takes for another (36, 37, 38, 96)", () => {
  it.each([
    ["stra\u00dfe", "strasse"],
    ["caf\u00e9", "cafe\u0301"],
    ["\ufb01le", "file"],
    ["README", "readme"],
  ])("%j beside %j of the project is of high risk", async (name, present) => {
    const found = await review(
      (root) => put(root, `d/${name}`, "x"),
      (root) => put(root, `d/${present}`, "y"),
    );
    expect(found.change(`d/${name}`).risk.level).toBe("high");
    expect(found.change(`d/${name}`).risk.reasons.join()).toContain("same name");
  });

  it.each([
    ".GIT/config",
    ".git /config",
    ".git./config",
    "git~1/config",
    ".g\u200cit/config",
    ".git::$INDEX_ALLOCATION/config",
  ])("%j is git's own data", async (path) => {
    const found = await review((root) => put(root, path, "[core]\n\tfsmonitor = ./x\n"));
    expect(found.change(path).risk.level).toBe("high");
    expect(found.change(path).risk.reasons).toContain("is `.git` under another name");
    expect(found.change(path).risk.reasons.join()).toMatch(/git's own data.*core\.fsmonitor/);
  });

  it.each([
    [".Vscode/tasks.json", '{"tasks":[{"command":"sh"}]}', "tasks[0].command"],
    [".mcp.JSON", '{"mcpServers":{"x":{"command":"sh"}}}', "mcpServers.x.command"],
    ["PACKAGE.json", '{"scripts":{"postinstall":"sh"}}', "scripts.postinstall"],
    [".Github/Workflows/x.YML", "jobs:\n  a:\n    steps:\n      - run: sh\n", "jobs.a.steps[0].run"],
  ])("%s is read for what it is, with its keys", async (path, content, key) => {
    const found = await review((root) => put(root, path, content));
    expect(found.change(path).risk.reasons.join()).toContain(key);
    expect(firstPart(found)).toContain(key);
  });

  it("names that Windows keeps are remarked on", async () => {
    const found = await review((root) => ["CON", "aux.txt", "dot."].forEach((each) => void put(root, each, "x")));
    expect(found.changes.map(({ risk }) => risk.level)).toEqual(["low", "low", "low"]);
  });
});

describe("what deceives the reader (40, 41, 42)", () => {
  it.each(["a\nb", "\u001b[2J", "x\rRemoved: y", "tab\there", "\u202egnp.exe", "zero\u200bwidth", "\udcff\udcfe"])(
    "a name like %j is escaped, and of high risk",
    async (path) => {
      const found = await review((root) => put(root, path, "x"));
      expect(found.change(path).risk.level).toBe("high");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
      expect(found.shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u200b\u202e\udc80-\udcff]/);
      expect(found.shown.split("\n").filter((line) => line.startsWith("Removed"))).toEqual([]);
    },
  );

  it.each(["-rf", "--checkpoint-action=exec=sh x.sh", "--upload-pack=x"])(
    "the name %j is remarked on",
    async (path) => {
      expect((await review((root) => put(root, path, "x"))).change(path).risk.level).toBe("low");
    },
  );

  it("new text that runs otherwise than it reads is named with its line, old text is not", async () => {
    const old = "a = 1 # \u202e\n";
    const found = await review(
      (root) => put(root, "a.py", `${old}if p\u0430ypal: # \u2066\n  b\u200b = 1\n`),
      (root) => put(root, "a.py", old),
    );
    expect(found.change("a.py").risk.reasons).toEqual([
      expect.stringMatching(/reading direction.*: U\+2066 on line 2$/),
      expect.stringMatching(/cannot be seen: U\+200B on line 3$/),
      expect.stringMatching(/look like others: U\+0430 on line 2$/),
    ]);
    expect(found.shown).not.toMatch(/[\u202e\u2066\u200b]/);
  });

  it("a reason that quotes a name is escaped as well", async () => {
    const found = await review((root) => [put(root, "A\u202e", "x"), put(root, "a\u202e", "y")]);
    expect(found.change("a\u202e").risk.reasons.join()).toContain("same name");
    expect(found.shown).not.toContain("\u202e");
  });

  it("a key or a host cannot end the sentence, or the line, that names it", async () => {
    const key = "x\n! deleted nothing\u001b[2J";
    const found = await review((root) => put(root, "package.json", JSON.stringify({ scripts: { [key]: "sh" } })));
    expect(found.shown).not.toContain("\u001b");
    expect(found.shown.split("\n").filter((line) => line.startsWith("! deleted"))).toEqual([]);
  });
});

describe("what the host runs later (61, 62, 100)", () => {
  const hooks: readonly (readonly [string, string])[] = [
    [".git/config", "[core]\n\tsshCommand = sh\n"],
    [".git/hooks/post-checkout", "#!/bin/sh\n"],
    [".git/info/attributes", "* filter=x\n"],
    [".git/objects/info/alternates", "/tmp/x\n"],
    [".git/modules/a/config", "[core]\n\tfsmonitor = sh\n"],
    [".git/refs/heads/main", "00\n"],
    ["vendor/lib/.git/config", "[include]\n\tpath = x\n"],
    ["vendor/other/.git", "gitdir: ../../x\n"],
    [".gitmodules", '[submodule "a"]\n\turl = ext::sh\n'],
    [".gitattributes", "*.c filter=x\n"],
    [".vscode/settings.json", '{"git.path": "./x"}'],
    [".devcontainer/devcontainer.json", '{"initializeCommand": "sh"}'],
    [".envrc", "sh\n"],
    ["Makefile", "all:\n"],
    [".npmrc", "script-shell=./x\n"],
    [".kiro/hooks/a.kiro.hook", "{}"],
    [".kiro/steering/a.md", "x\n"],
    ["CLAUDE.md", "x\n"],
    ["airlock.yaml", "hide: []\n"],
    ["conftest.py", "x\n"],
    [".husky/pre-commit", "x\n"],
  ];

  it.each(hooks)(
    "%s is listed first, with its reason, where it was missing and where it was there",
    async (path, content) => {
      const made = await review((root) => put(root, path, content));
      const changed = await review(
        (root) => put(root, path, content),
        (root) => put(root, path, "old\n"),
      );
      const moved = await review((root) => put(root, `deep/down/${path}`, content));
      for (const [found, where] of [
        [made, path],
        [changed, path],
        [moved, `deep/down/${path}`],
      ] as const) {
        expect(found.change(where).risk.level).toBe("high");
        expect(found.change(where).risk.reasons.length).toBeGreaterThan(0);
        expect(firstPart(found)).toContain(where);
      }
    },
  );

  it("a repository that is not called .git is found by what it holds", async () => {
    const found = await review((root) => {
      mkdirSync(`${root}/assets/x/objects`, { recursive: true });
      mkdirSync(`${root}/assets/x/refs`);
      put(root, "assets/x/HEAD", "ref: refs/heads/main\n");
      put(root, "assets/x/config", "[core]\n\tbare = true\n\tfsmonitor = sh\n");
    });
    expect(found.change("assets/x/config").risk.reasons.join()).toMatch(/git obeys/);
  });

  it("a lock file names from where packages newly come", async () => {
    const lock = (host: string) =>
      JSON.stringify({ packages: { "node_modules/a": { resolved: `https://${host}/a.tgz` } } });
    const found = await review(
      (root) => put(root, "package-lock.json", lock("evil.example")),
      (root) => put(root, "package-lock.json", lock("good.example")),
    );
    expect(firstPart(found)).toMatch(/none came before:\s+evil\.example/);
  });

  it("executable bits, set-id bits and links are told (49)", async () => {
    const found = await review(
      (root) => {
        chmodSync(`${root}/run`, 0o755);
        chmodSync(`${root}/suid`, 0o4755);
        symlinkSync("../../etc", `${root}/out`);
        symlinkSync("sub/up/../..", `${root}/chain`);
      },
      (root) => [put(root, "run", "x"), put(root, "suid", "x")],
    );
    for (const path of ["run", "suid", "out", "chain"]) expect(found.change(path).risk.level).toBe("high");
    expect(found.change("suid").risk.reasons.join()).toMatch(/set-user-id/);
  });

  it("secrets are found where they are new, however far from the beginning", async () => {
    const secret = `ghp_${"a".repeat(36)}`;
    const filler = "const x = 1;\n".repeat(60_000);
    const found = await review(
      (root) => [put(root, "new.ts", `${filler}// ${secret}\n`), put(root, "old.ts", `// more\n// ${secret}\n`)],
      (root) => [put(root, "new.ts", filler), put(root, "old.ts", `// ${secret}\n`)],
    );
    expect(found.change("new.ts").risk.reasons).toEqual(["holds a GitHub token (line 60001)"]);
    expect(found.change("old.ts").risk.level).toBe("none");
  });

  it("a text that became binary, and a program, cannot pass as content", async () => {
    const found = await review(
      (root) => [put(root, "a.ts", "x\0y"), put(root, "tool", Buffer.from("7f454c4602010100", "hex"))],
      (root) => put(root, "a.ts", "text\n"),
    );
    expect(found.change("a.ts").risk.level).toBe("high");
    expect(found.change("tool").risk.level).toBe("high");
  });
});

describe("hiding by git's own means (64)", () => {
  it("does not work: no attribute, ignore file or marker takes a change out or turns it binary", async () => {
    const found = await review(
      (root) => {
        put(root, ".gitattributes", "* -diff -text linguist-generated binary\n");
        put(root, ".gitignore", "*\n");
        put(root, ".git/info/exclude", "*\n");
        put(root, "hidden.ts", "run()\n");
        put(root, "vendor/generated.min.js", "run()\n");
        put(root, "old.ts", "new\n");
      },
      (root) => put(root, "old.ts", "old\n"),
    );
    const paths = found.changes.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(["hidden.ts", "vendor/generated.min.js", "old.ts", ".gitignore"]));
    expect(found.shown).toContain("+run()");
    expect(found.shown).toContain("+new");
    expect(found.changes.filter(({ binary }) => binary)).toEqual([]);
  });
});

describe("mass deletion", () => {
  it("is told for the whole, and at the folder that went", async () => {
    const names = Array.from({ length: 60 }, (_, each) => `src/f${each}.ts`);
    const found = await review(
      (root) => rmSync(`${root}/src`, { recursive: true }),
      (root) => names.forEach((each) => void put(root, each, each)),
    );
    expect(found.warnings).toContain("61 paths are deleted");
    expect(found.change("src").risk).toMatchObject({
      level: "high",
      reasons: [expect.stringContaining("60 paths below it")],
    });
    expect(dirname(names[0] ?? "")).toBe("src");
  });
});
