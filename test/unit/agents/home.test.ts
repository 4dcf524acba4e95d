import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { carriedFiles } from "../../../src/agents/carry.js";
import { agents, findAgent } from "../../../src/agents/catalogue.js";
import { customAgent } from "../../../src/agents/custom.js";
import { homeOf } from "../../../src/agents/home.js";
import { hookFiles } from "../../../src/hooks/hook-files.js";
import type { AgentStart, HomeFile } from "../../../src/model/agent.js";

const start: AgentStart = {
  workspace: "/home/you/app",
  trustAll: true,
  prompt: "fix the tests",
  isInteractive: false,
  hasHooks: false,
  more: [],
  keys: new Map([["ANTHROPIC_API_KEY", "airlock-0123456789abcdef0123456789abcdef01234567"]]),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-agents-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

const claudeFiles = () => carriedFiles(folder, findAgent("claude")?.carried ?? []);
const contentOf = (files: readonly HomeFile[], path: string): string | undefined =>
  files.find((file) => file.path === path)?.content;

describe.each(agents)("$name", (profile) => {
  it("is told where it is, beside its settings, in files of its own below the home", () => {
    const files = homeOf(profile, start, []);
    expect(contentOf(files, profile.memory ?? "")).toContain("/home/you/app");
    for (const { path } of files) expect(path).toMatch(/^\.[^/]+/);
    expect(files.filter(({ path }) => path.split("/").includes(".."))).toEqual([]);
  });

  it("asks for nothing when it is trusted, and for the usual otherwise", () => {
    const said = (trustAll: boolean): string =>
      JSON.stringify([profile.command({ ...start, trustAll }), profile.settings({ ...start, trustAll })]);
    expect(said(true)).not.toBe(said(false));
    expect(said(false)).not.toMatch(/dangerously-skip|dangerously-bypass|--yolo|--allow-all|--trust-all/);
  });

  it("takes a prompt as one argument, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.boolean(), (prompt, isInteractive) => {
        expect(profile.command({ ...start, prompt, isInteractive }).at(-1)).toBe(prompt);
      }),
    );
  });

  it("gives its own arguments before the prompt", () => {
    const command = profile.command({ ...start, more: ["--model", "m"] });
    expect(command.slice(command.indexOf("--model"))).toEqual(
      expect.arrayContaining(["--model", "m", "fix the tests"]),
    );
  });
});

it("an agent of the user's own is started as they say", () => {
  const own = customAgent("mine", {
    image: "mine:1",
    command: ["mine", "chat"],
    prompt: ["--message"],
    trustAll: ["--yes"],
    acp: ["--acp"],
    keys: { MY_KEY: ["api.example.com"] },
    memory: ".mine/about.md",
  });
  expect(own.command({ ...start, more: ["-v"] })).toEqual([
    "mine",
    "chat",
    "--yes",
    "-v",
    "--message",
    "fix the tests",
  ]);
  expect(own.command({ ...start, trustAll: false, prompt: null, isInteractive: true })).toEqual(["mine", "chat"]);
  expect(own.acp?.command({ ...start, more: ["-v"] })).toEqual(["mine", "chat", "--acp", "--yes", "-v"]);
  expect(homeOf(own, start, []).map(({ path }) => path)).toEqual([".mine/about.md"]);
  expect(homeOf({ ...own, memory: null }, start, [])).toEqual([]);
});

it("has its hooks among its settings, over what was carried", () => {
  const profile = findAgent("claude");
  const carried = [{ path: ".claude/settings.json", content: '{"model":"opus"}' }];
  const home = profile === null ? [] : homeOf(profile, start, carried, hookFiles("claude"));
  expect(JSON.parse(contentOf(home, ".claude/settings.json") ?? "")).toMatchObject({
    model: "opus",
    skipDangerousModePermissionPrompt: true,
    hooks: { PreToolUse: [{ matcher: "*" }] },
  });
});

describe("what is carried over", () => {
  it("is the keys that are known and the texts, and what Airlock says stands over it", async () => {
    const settings = { model: "opus", env: { TOKEN: "x" }, hooks: {}, skipDangerousModePermissionPrompt: false };
    write(".claude/settings.json", JSON.stringify(settings));
    write(".claude/CLAUDE.md", "Write tests first.\n");
    write(".claude/agents/deep/reviewer.md", "You review.\n");
    write(".claude/agents/notes.txt", "not one of them");
    write(".claude/.credentials.json", "{}");
    const carried = await claudeFiles();
    expect(carried.map(({ path }) => path)).toEqual([
      ".claude/settings.json",
      ".claude/CLAUDE.md",
      ".claude/agents/deep/reviewer.md",
    ]);
    const profile = findAgent("claude");
    const home = profile === null ? [] : homeOf(profile, start, carried);
    expect(JSON.parse(contentOf(home, ".claude/settings.json") ?? "")).toEqual({
      model: "opus",
      skipDangerousModePermissionPrompt: true,
    });
    expect(contentOf(home, ".claude/CLAUDE.md")).toMatch(
      /^# You work in an Airlock sandbox[\s\S]*Write tests first\.\n$/,
    );
  });

  it("is never what a link leads to", async () => {
    write("elsewhere/login.json", "a login");
    mkdirSync(join(folder, ".claude"));
    symlinkSync("../elsewhere/login.json", join(folder, ".claude/CLAUDE.md"));
    symlinkSync("../elsewhere", join(folder, ".claude/agents"));
    expect(await claudeFiles()).toEqual([]);
  });

  it("has no secret in it", async () => {
    const token = `ghp_${"a1B2".repeat(9)}`;
    write(".claude/CLAUDE.md", `Push with ${token}, please.\n`);
    const [file] = await claudeFiles();
    expect(file?.content).toBe("Push with (left out by Airlock: it looks like a secret), please.\n");
  });

  it("is bounded, and never fails for what a file holds", async () => {
    write(".claude/settings.json", "[not json");
    write(".claude/CLAUDE.md", "x".repeat(300 * 1024));
    for (let number = 0; number < 30; number += 1) write(`.claude/commands/${number}.md`, "y".repeat(100 * 1024));
    const carried = await claudeFiles();
    expect(carried.every(({ path }) => path.startsWith(".claude/commands/"))).toBe(true);
    expect(carried.length).toBe(10);
  });
});
