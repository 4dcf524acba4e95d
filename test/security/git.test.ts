import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeBundle } from "../../src/session/git/bundle.js";
import { loadSession } from "../../src/session/store.js";
import { GitLab, git } from "../support/git-lab.js";

/** Everything that a person and a program are shown of a session, and all that can be brought over of it. */
async function lookAtEverything(lab: GitLab, id: string): Promise<{ readonly text: string; readonly brought: string }> {
  const text = await lab.airlock(["diff", "-s", id]);
  expect(text.code, text.stderr).toBe(0);
  const json = await lab.airlock(["diff", "-s", id, "--json"]);
  expect(json.code, json.stderr).toBe(0);
  const brought = await lab.refusal(id);
  return { text: text.stdout.toString(), brought };
}

/** The same script on a copy of the project on the host, and then plain git there: proof that the payload is live. */
function runsWithoutDefence(lab: GitLab, script: string, ...then: readonly string[]): boolean {
  const folder = lab.beside("control");
  execFileSync("cp", ["-a", `${lab.project}/.`, folder]);
  const env = { PATH: process.env["PATH"] ?? "", HOME: lab.userHome };
  execFileSync("sh", ["-c", script], { cwd: folder, env, stdio: "ignore" });
  try {
    execFileSync("git", [...then], { cwd: folder, env, stdio: "ignore" });
  } catch {
    // What it ends with is all one.
  }
  const touched = lab.touched();
  rmSync(lab.canary, { force: true });
  rmSync(folder, { recursive: true });
  return touched;
}

const commit = "git -c core.fsmonitor=false -c user.name=A -c user.email=a@b commit -q --allow-empty -m inside";

describe("what an agent writes into .git runs nothing on the host", () => {
  it.each([
    ["core.fsmonitor", (canary: string) => `git config core.fsmonitor 'touch ${canary}; false'`, ["status"]],
    [
      "a filter",
      (canary: string) =>
        `printf '*.txt filter=evil\\n' > .gitattributes; git config filter.evil.clean 'touch ${canary}; cat'; echo x >> one.txt`,
      ["status"],
    ],
    [
      "an external diff",
      (canary: string) => `git config diff.external 'touch ${canary}; true'; echo x >> one.txt`,
      ["diff"],
    ],
    [
      "core.sshCommand",
      (canary: string) => `git config core.sshCommand 'touch ${canary}; false'; git config remote.o.url ssh://h/x`,
      ["fetch", "o"],
    ],
    [
      "include.path",
      (canary: string) =>
        `printf '[core]\\n\\tfsmonitor = "touch ${canary}; false"\\n' > included; git config include.path ../included`,
      ["status"],
    ],
    [
      "core.hooksPath",
      (canary: string) =>
        `mkdir h; printf '#!/bin/sh\\ntouch ${canary}\\n' > h/reference-transaction; chmod +x h/*; git config core.hooksPath h`,
      ["update-ref", "refs/heads/x", "HEAD"],
    ],
    [
      "info/attributes",
      (canary: string) =>
        `mkdir -p .git/info; echo '*.txt diff=evil' > .git/info/attributes; git config diff.evil.textconv 'touch ${canary}; cat'; echo x >> one.txt`,
      ["diff"],
    ],
    ["an alias", (canary: string) => `git config alias.st '!touch ${canary}'`, ["st"]],
  ])("%s", async (name, payload, then) => {
    await using lab = new GitLab();
    const script = payload(lab.canary);
    expect(runsWithoutDefence(lab, script, ...then)).toBe(true);
    const id = await lab.session(`${script}; ${commit}`);
    const { text, brought } = await lookAtEverything(lab, id);
    expect(brought).toBe("brought");
    expect(lab.touched()).toBe(false);
    const named = name.startsWith("a filter") ? "filter.evil.clean" : (/[\w.]+$/.exec(name)?.[0] ?? "");
    const shown: Record<string, string> = { diff: "diff.external", attributes: "info/attributes", alias: "alias.st" };
    expect(text.toLowerCase()).toContain((shown[named] ?? named).toLowerCase());
  });

  it("hooks, each of them named", async () => {
    await using lab = new GitLab();
    const hooks = ["reference-transaction", "post-checkout", "post-merge", "pre-commit", "post-index-change", "update"];
    const script = hooks
      .map((each) => `printf '#!/bin/sh\\ntouch ${lab.canary}\\n' > .git/hooks/${each}; chmod +x .git/hooks/${each}`)
      .join("\n");
    const made = `mkdir -p .git/hooks\n${script}`;
    expect(runsWithoutDefence(lab, made, "update-ref", "refs/heads/x", "HEAD")).toBe(true);
    const id = await lab.session(`${commit}\n${made}`);
    const { text, brought } = await lookAtEverything(lab, id);
    expect(brought).toBe("brought");
    expect(lab.touched()).toBe(false);
    for (const each of hooks) expect(text).toContain(`! added .git/hooks/${each}`);
  });

  it("alternates and refs that point at another repository of the host tell nothing of it", async () => {
    await using lab = new GitLab();
    const other = lab.beside("secret");
    git(other, "init", "-q");
    git(other, "commit", "-q", "--allow-empty", "-m", "the host's secret");
    const tip = git(other, "rev-parse", "HEAD");
    const id = await lab.session(
      `mkdir -p .git/objects/info; echo ${other}/.git/objects > .git/objects/info/alternates; echo ${tip} > .git/refs/heads/main`,
    );
    const { text, brought } = await lookAtEverything(lab, id);
    expect(text).not.toContain("the host's secret");
    expect(text).toContain("takes objects from another place");
    expect(text).toContain("history is rewritten");
    expect(brought).toMatch(/^E_GIT_REFUSED: /);
  });

  it("a `.git` file, a link and modules that lead elsewhere are said and not followed", async () => {
    await using lab = new GitLab();
    const evil = lab.beside("evil");
    git(evil, "init", "-q");
    git(evil, "config", "core.fsmonitor", `touch ${lab.canary}; false`);
    git(evil, "commit", "-q", "--allow-empty", "-m", "from elsewhere");
    rmSync(lab.canary, { force: true });
    const id = await lab.session(
      "mkdir -p .git/modules/lib; printf '[core]\\n\\tworktree = /\\n' > .git/modules/lib/config",
    );
    expect((await lookAtEverything(lab, id)).text).toContain("! added .git/modules/lib/config");
    await lab.inside(id, `rm -rf .git; echo 'gitdir: ${evil}/.git' > .git`);
    const asFile = await lookAtEverything(lab, id);
    expect(asFile.text).toContain("! `.git` is a file, which leads git to another place");
    expect(asFile.text).not.toContain("from elsewhere");
    expect(asFile.brought).toMatch(/^E_GIT_REFUSED: git finds no repository in the session/);
    await lab.inside(id, `rm .git; ln -s ${evil}/.git .git`);
    const asLink = await lookAtEverything(lab, id);
    expect(asLink.text).toContain("! `.git` is a link");
    expect(asLink.brought).toMatch(/^E_GIT_REFUSED: /);
    expect(lab.touched()).toBe(false);
  });

  it("a branch set back inside is said, and the host's stays", async () => {
    await using lab = new GitLab();
    const main = git(lab.project, "rev-parse", "main");
    const id = await lab.session("git reset -q --hard HEAD~2; git branch -q extra; git branch -qD extra");
    const { text, brought } = await lookAtEverything(lab, id);
    expect(text).toContain("history is rewritten, 2 commits of the host not in it");
    expect(brought).toMatch(/there is no commit that the host does not have/);
    expect(git(lab.project, "rev-parse", "main")).toBe(main);
  });

  it("names of refs and objects drive neither a terminal nor a command line", async () => {
    await using lab = new GitLab();
    const id = await lab.session(`
      ${commit}
      tip=$(git rev-parse HEAD)
      cd .git/refs/heads
      for name in '$(touch ${"x"})' '--upload-pack=touch x' 'a;touch x' "$(printf 'red\\033[31m')" "$(printf 'two\\nlines')" "$(printf 'bad\\377')" '-q' "$(printf 'rtl\\342\\200\\256x')"; do
        echo $tip > "./$name"
      done
      mkdir -p ../../objects/zz; echo x > "../../objects/zz/$(printf '\\033]0;title\\007')"`);
    const { text, brought } = await lookAtEverything(lab, id);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what may not be there.
    expect(text.replace(/\n/g, "")).not.toMatch(/[\u0000-\u001f\u007f]/);
    expect(text).not.toContain("\u202e");
    expect(text).toContain("rtl\\u{202e}x");
    expect(text).toContain("\\x1b]0;title\\x07");
    expect(brought).toBe("brought");
    expect(
      lab
        .refs()
        .split("\n")
        .map((line) => line.slice(41))
        .sort(),
    ).toEqual([`refs/heads/airlock/${id}`, "refs/heads/main"]);
  });
});

describe("commits that are not what they should be are not brought over", () => {
  /** Makes a commit of a tree with one entry more than HEAD's, of any name and kind. */
  const treeWith = (mode: string, name: string): string => `
    blob=$(printf x | git hash-object -w --stdin)
    python3 -c 'import sys; sys.stdout.buffer.write(b"${mode} " + bytes.fromhex("${Buffer.from(name).toString("hex")}") + bytes(1) + bytes.fromhex(sys.argv[1]))' $blob > /tmp/tree
    tree=$(git hash-object -t tree --literally -w /tmp/tree)
    git reset -q --soft $(git commit-tree -p HEAD -m evil $tree)`;

  it.each([
    ["`.git` itself", "100644", ".git"],
    ["`.GIT`", "100644", ".GIT"],
    ["`.git` with an invisible letter", "100644", ".g\u200cit"],
    ["`git~1`", "100644", "git~1"],
    ["`.git.`", "100644", ".git. "],
    ["`.git::$INDEX_ALLOCATION`", "100644", ".git::$INDEX_ALLOCATION"],
    ["`.git\\config`", "100644", ".git\\config"],
    ["`..`", "100644", ".."],
    ["a name with a slash", "100644", "a/../../b"],
    ["a name with a line feed", "100644", "a\nb"],
    ["a name with an escape sequence", "100644", "a\u001b[31m"],
    ["`.gitmodules` as a link", "120000", ".gitmodules"],
    ["`.gitattributes` as a link", "120000", ".gitattributes"],
  ])("a tree with %s", async (_, mode, name) => {
    await using lab = new GitLab();
    const id = await lab.session(treeWith(mode, name));
    const refs = lab.refs();
    expect(await lab.refusal(id)).toMatch(
      /^E_GIT_REFUSED: (?:what came is not sound|the commits hold what is not brought over)/,
    );
    expect(lab.refs()).toBe(refs);
  });

  it.each([
    ["options as a submodule's URL", '[submodule "a"]\\n\\tpath = a\\n\\turl = -u./evil\\n'],
    ["a submodule's name that leaves", '[submodule "../../x"]\\n\\tpath = a\\n\\turl = ./a\\n'],
    ["a command as a submodule's update", '[submodule "a"]\\n\\tpath = a\\n\\turl = ./a\\n\\tupdate = !evil\\n'],
  ])("a .gitmodules with %s", async (_, content) => {
    await using lab = new GitLab();
    const id = await lab.session(`printf '${content}' > .gitmodules; git add -A; ${commit}`);
    expect(await lab.refusal(id)).toMatch(/^E_GIT_REFUSED: what came is not sound: .*gitmodules/);
  });

  it("a malformed commit, hidden below a sound one", async () => {
    await using lab = new GitLab();
    const id = await lab.session(`
      printf "tree $(git rev-parse HEAD^{tree})\\nparent $(git rev-parse HEAD)\\nauthor nobody\\n\\nevil\\n" > /tmp/c
      bad=$(git hash-object -t commit --literally -w /tmp/c)
      git reset -q --soft $(git commit-tree -p $bad -m sound HEAD^{tree})`);
    expect(await lab.refusal(id)).toMatch(/^E_GIT_REFUSED: what came is not sound/);
  });

  it("history that is cut off, or whose objects are missing", async () => {
    await using lab = new GitLab();
    const id = await lab.session(`
      git checkout -q --orphan other; ${commit}; ${commit}
      git rev-parse HEAD > .git/shallow`);
    expect(await lab.refusal(id)).toMatch(/^E_GIT_REFUSED: /);
  });

  it("more bytes than the limit: the file on the host stays within it", async () => {
    await using lab = new GitLab();
    const id = await lab.session(`head -c 4000000 /dev/urandom > big; git add -A; ${commit}`);
    const bench = await lab.bench();
    const record = await loadSession(bench.home, id);
    if (record === null) throw new Error("no record");
    const file = join(lab.root, "bundle");
    const wish = { record, ref: "HEAD", known: [], file, maxBytes: 1_000_000 };
    await expect(writeBundle(bench, wish)).rejects.toMatchObject({ code: "E_GIT_REFUSED" });
    expect(statSync(file).size).toBeLessThanOrEqual(1_000_000);
    expect((await lab.held(id)).filter((each) => each.includes("-git-"))).toEqual([]);
  });

  it("submodules and files that the host runs are listed", async () => {
    await using lab = new GitLab();
    const id = await lab.session(`
      git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),lib
      mkdir -p .husky; echo x > .husky/pre-commit; ln -s /etc/passwd out; git add .husky out; ${commit}`);
    const { risks } = await lab.bring(id);
    expect(risks).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^lib is a submodule, now at [0-9a-f]{40}$/),
        expect.stringMatching(/^\.husky\/pre-commit /),
        expect.stringMatching(/^out /),
      ]),
    );
  });
});

describe("bringing commits over obeys nothing of the host's surroundings either", () => {
  it("runs no hook and no program of the project's own configuration", async () => {
    await using lab = new GitLab();
    const id = await lab.session(commit);
    const hooks = join(lab.project, ".git/hooks");
    mkdirSync(hooks, { recursive: true });
    for (const name of ["reference-transaction", "post-update", "update", "pre-receive", "post-index-change"]) {
      writeFileSync(join(hooks, name), `#!/bin/sh\ntouch ${lab.canary}\n`);
      chmodSync(join(hooks, name), 0o755);
    }
    git(lab.project, "config", "core.fsmonitor", `touch ${lab.canary}; false`);
    git(lab.project, "config", "core.alternateRefsCommand", `touch ${lab.canary}; false`);
    git(lab.project, "update-ref", "refs/heads/control", "HEAD");
    expect(lab.touched()).toBe(true);
    rmSync(lab.canary);
    await lab.bring(id);
    expect(lab.touched()).toBe(false);
  });

  it("takes no git out of the project, and no configuration out of the environment", async () => {
    await using lab = new GitLab();
    const id = await lab.session(commit);
    lab.write("bin/git", `#!/bin/sh\ntouch ${lab.canary}\nexec /usr/bin/git "$@"\n`, 0o755);
    const env = {
      PATH: `${lab.project}/bin:.:${process.env["PATH"]}`,
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "core.fsmonitor",
      GIT_CONFIG_VALUE_0: `touch ${lab.canary}; false`,
      GIT_DIR: "/nonexistent",
      GIT_EXEC_PATH: `${lab.project}/bin`,
    };
    const { code, stderr } = await lab.airlock(["diff", "-s", id], { env });
    expect(code, stderr).toBe(0);
    expect(lab.touched()).toBe(false);
  });

  it("leaves nothing in the project but objects and one branch", async () => {
    await using lab = new GitLab();
    const id = await lab.session(
      `echo x > x; git add -A; ${commit}; git tag v1; git update-ref refs/replace/${"1".repeat(40)} HEAD`,
    );
    const files = (): string[] =>
      (readdirSync(join(lab.project, ".git"), { recursive: true }) as string[])
        .filter((each) => !each.startsWith("objects/"))
        .sort();
    const before = files();
    await lab.bring(id);
    const added = files().filter((each) => !before.includes(each));
    expect(added).toEqual([
      "logs/refs/heads/airlock",
      `logs/refs/heads/airlock/${id}`,
      "refs/heads/airlock",
      `refs/heads/airlock/${id}`,
    ]);
    expect(existsSync(join(lab.project, "x"))).toBe(false);
  });
});
