import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hidesCommands, runsOthers } from "../../../src/trust/command-pattern.js";
import { loadShellGrammar } from "../../../src/trust/shell-grammar.js";

const hasBash = spawnSync("/bin/bash", ["-c", "true"]).status === 0;
const readShell = await loadShellGrammar();

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

  function started(command: string): string[] {
    writeFileSync(trace, "");
    spawnSync("/bin/bash", ["--norc", "--noprofile", "-r", "-c", command], {
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
        for (const name of started(command)) expect(names).toContain(name);
      }),
      { numRuns: Number(process.env["AIRLOCK_RUNS"] ?? 0) * 4 || 400 },
    );
  }, 120_000);
});
