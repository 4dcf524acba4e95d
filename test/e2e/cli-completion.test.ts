import { execFileSync, spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { airlockScript } from "../support/cli.js";
import { Lab } from "../support/lab.js";

const has = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).error === undefined;

describe("completion", () => {
  let lab: Lab;
  let id: string;

  beforeAll(async () => {
    lab = new Lab();
    id = await lab.start();
    await lab.airlock(["snapshot", id, "-m", "first: try"]);
  }, 120_000);
  afterAll(async () => await lab?.[Symbol.asyncDispose]());

  const offered = async (...words: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await lab.airlock(["complete", "--", ...words]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("\t")[0] ?? "");
  };

  it.each<[string, string[], string[]]>([
    ["commands, not the hidden ones", ["sn"], ["snapshot", "snapshots"]],
    ["no hidden command", ["super"], []],
    ["subcommands", ["network", "p"], ["presets"]],
    ["options", ["run", "--on"], ["--on-exit"]],
    ["options of a subcommand", ["network", "allow", "--fo"], ["--for"]],
    ["the choices of an option", ["run", "--on-exit", ""], ["review", "keep", "discard"]],
    ["the choices after =", ["run", "--on-exit=k"], ["--on-exit=keep"]],
    ["the choices after = as bash splits it", ["run", "--on-exit", "=", "k"], ["keep"]],
    ["files for a path", ["run", "--path", ""], [":files"]],
    ["files for the command that is run", ["run", "--memory", "1g", ""], [":files"]],
    ["nothing of ours behind --", ["run", "--", "git", "--"], [":files"]],
    ["nothing for a number", ["run", "--memory", ""], []],
    ["sessions", ["status", "ID"], ["ID"]],
    ["sessions for an option", ["apply", "--session", ""], ["ID"]],
    ["sessions and paths", ["apply", ""], ["ID", ":files"]],
    ["sessions, then a command", ["exec", ""], ["ID"]],
    ["snapshots", ["restore", "ID"], ["ID/s1"]],
    ["shells", ["completion", "z"], ["zsh"]],
    ["nothing for a command that is none", ["frobnicate", ""], []],
  ])("offers %s", async (_name, words, expected) => {
    const named = (list: readonly string[]): string[] => list.map((word) => word.replace("ID", id));
    expect(await offered(...named(words))).toEqual(named(expected));
  });

  // The program is found by the shell as a user's is: by its name.
  const env = () => lab.env({ PATH: `${dirname(airlockScript)}:${process.env["PATH"]}` });
  const inShell = (shell: string, script: string): string =>
    execFileSync(shell, ["-c", script], { cwd: lab.project, env: env(), encoding: "utf8" });

  it.skipIf(!has("bash"))("works in bash", () => {
    const script = `source <(airlock completion bash)
      try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _airlock; printf '%s ' "\${COMPREPLY[@]}"; echo; }
      try airlock sn; try airlock run --on-exit = d; try airlock status ${id}; try airlock run --path src/a`;
    expect(inShell("bash", script)).toBe(["snapshot snapshots ", "discard ", `${id} `, "src/a.txt ", ""].join("\n"));
  });

  it.skipIf(!has("fish"))("works in fish", () => {
    const script = `airlock completion fish | source
      complete -C "airlock sn"; complete -C "airlock run --on-exit d"; complete -C "airlock restore ${id}"`;
    expect(inShell("fish", script)).toBe(
      `snapshot\tsave a session's state\nsnapshots\tlist a session's snapshots\ndiscard\n${id}/s1\tfirst: try\n`,
    );
  });

  it.skipIf(!has("zsh"))("works in zsh", () => {
    const script = `_describe() { print -rl -- "\${(@P)2}" }; compdef() { : }; words=(airlock restore ${id}); CURRENT=3
      source <(airlock completion zsh); _airlock`;
    expect(inShell("zsh", script)).toBe(`${id}/s1:first: try\n`);
  });

  it("refuses a shell that it does not know", async () => {
    expect(await lab.airlock(["completion", "tcsh"])).toMatchObject({ code: 2 });
  });
});
