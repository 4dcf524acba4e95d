import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TrustRule, TrustState } from "../../../src/model/trust.js";
import { hidesCommands, runsOthers } from "../../../src/trust/command-pattern.js";
import { decideTrust, defaultRules } from "../../../src/trust/decide.js";
import { loadShellGrammar } from "../../../src/trust/shell-grammar.js";

const hasBash = spawnSync("/bin/bash", ["-c", "true"]).status === 0;
const readShell = await loadShellGrammar();

const rule = (pattern: string): TrustRule => ({ tool: "shell", pattern, action: "allow", origin: "a test" });

/** Every program there is writes down that it was started, and with what name; nothing else can be started. */
describe.skipIf(!hasBash)("what bash does", () => {
  const folder = mkdtempSync(join(tmpdir(), "airlock-bash-"));
  const trace = join(folder, "trace");
  const programs = ["git", "rm", "ls", "cat", "evil"];

  beforeAll(() => {
    for (const name of programs) {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "\${0##*/}" >> ${trace}\n`);
      chmodSync(path, 0o755);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function started(command: string, ...options: string[]): string[] {
    writeFileSync(trace, "");
    spawnSync("/bin/bash", ["--norc", "--noprofile", ...options, "-c", command], {
      cwd: folder,
      env: { PATH: folder, HOME: folder },
      timeout: 5_000,
      input: "",
    });
    return readFileSync(trace, "utf8").split("\n").filter(Boolean);
  }

  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...programs, "echo", "true", "x", "-rf", "=1", "A=1") },
    { weight: 6, arbitrary: fc.constantFrom(" ", " ", "\n", "\t", "; ", " | ", " && ", " || ", " & ", " |& ", " ;; ") },
    {
      weight: 5,
      arbitrary: fc.constantFrom(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
        ..."' \" ` \\ $( ) ( ) { } <( >( ${ } $' $\" # ! ~ * ? [ ] [[ ]] (( )) $(( << <<< <<- > >> < 2>&1 >& &> $x $IFS EOF \\\n".split(
          " ",
        ),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "if ",
        "then ",
        "fi",
        "for i in ",
        "do ",
        "done",
        "case ",
        "in ",
        "esac",
        "function f ",
        "f() ",
        "eval ",
        "time ",
        "coproc ",
        "exec ",
        "while ",
        "until ",
        "select ",
        "alias ls=evil",
      ),
    },
  );
  const line = fc.array(piece, { minLength: 1, maxLength: 14 }).map((parts) => parts.join(""));

  it("is what was read of it: no program runs that is not named among the commands", () => {
    fc.assert(
      fc.property(line, (command) => {
        const reading = readShell(command);
        if (reading.kind !== "read") return;
        if (reading.commands.some(hidesCommands)) return;
        // Any word of a program that runs others may be a program.
        const names = reading.commands.flatMap((words) => (runsOthers(words) ? words : words.slice(0, 1)));
        for (const name of started(command, "-r")) expect(names).toContain(name);
      }),
      { numRuns: Number(process.env["AIRLOCK_RUNS"] ?? 0) * 4 || 400 },
    );
  }, 120_000);

  // What a shell has built in starts nothing by itself, so it is trusted whatever its arguments are, and only git of the programs.
  const builtins =
    "alias builtin cd command compgen coproc echo enable eval exec export getopts hash jobs let mapfile printf pushd read readarray set shift shopt source test time trap true type typeset umask unset wait [ .".split(
      " ",
    );
  const state: TrustState = {
    version: 1,
    workspace: folder,
    rules: [...defaultRules(), ...["git", ...builtins].map((name) => rule(`${name} *`))],
    trustAll: null,
  };
  const isAllowed = (command: string): boolean => {
    const subject = { tool: "shell", command, folder, variables: [], isKept: false } as const;
    return decideTrust(state, subject, { now: 0, readShell }).verdict === "allow";
  };
  const argument = fc.constantFrom(
    ..."evil|-v|-p|-C|-W|-x|-c|-n|-f|-s|1|0|EXIT|DEBUG|x|git|--|'a[$(evil)]'|'$(evil)'|\"evil\"|'evil'|ls=evil|git=evil|$x|'a[`evil`]=1'|< trace|/dev/null".split(
      "|",
    ),
  );
  const simple = fc
    .tuple(fc.constantFrom("git", ...builtins), fc.array(argument, { maxLength: 5 }))
    .map(([name, rest]) => [name, ...rest].join(" "));
  const builtinLine = fc
    .array(fc.tuple(simple, fc.constantFrom("; ", " | ", " && ", " || ", "\n", " & ")), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.map(([command, join]) => command + join).join(""));

  it.each([
    "printf -v 'a[$(evil)]' x",
    "printf -v'a[$(evil)]' x",
    "builtin printf -v 'a[$(evil)]' x",
    "test -v 'a[$(evil)]'",
    "read 'a[$(evil)]' < /dev/null",
    "trap evil EXIT",
    "compgen -C evil",
    "compgen -W '$(evil)'",
    "readarray -C evil -c 1 < /etc/passwd",
    "jobs -x evil",
    "let 'a[$(evil)]=1'",
    "hash -p ./evil git; git",
    "shopt -s expand_aliases\nalias git=evil\ngit",
    "eval evil",
    "source ./evil",
    "command evil",
    "exec evil",
    "time evil",
    "coproc evil",
    "git() { evil; }; git",
    "git $(evil)",
    "git <(evil)",
    "git <<< $(evil)",
    'git "`evil`"',
    "git & evil",
    "git\nevil",
    "x=$(evil) git",
    "cat <<E\n$(evil)\nE",
    "echo $((a[$(evil)]))",
  ])("is trusted by no name with a *, where it starts something else: %j", (command) => {
    expect(started(command).filter((name) => name !== "git")).not.toEqual([]);
    expect(isAllowed(command)).toBe(false);
  });

  it("never starts more than what is trusted, when a line is trusted", () => {
    let allowed = 0;
    fc.assert(
      fc.property(fc.oneof(line, builtinLine), (command) => {
        if (!isAllowed(command)) return;
        allowed += 1;
        for (const name of started(command)) expect(name).toBe("git");
      }),
      { numRuns: Number(process.env["AIRLOCK_RUNS"] ?? 0) * 20 || 2_000 },
    );
    expect(allowed).toBeGreaterThan(50);
  }, 240_000);
});
