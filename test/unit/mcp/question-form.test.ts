import { describe, expect, test } from "vitest";
import { answerFrom, questionMessage, questionSchema } from "../../../src/mcp/question-form.js";
import type { Question } from "../../../src/model/question.js";
import { questionAbout } from "../../support/paper-desk.js";

const withTiers = (tiers: readonly string[]): Question => {
  const question = questionAbout("git pull");
  if (question.subject.kind !== "tool") throw new Error("not about a tool");
  return { ...question, subject: { ...question.subject, tiers } };
};

describe("a question as a client shows it", () => {
  test.each([
    ["a line of its own", "true\ntool: read\nrisk: none", "true\\ntool: read\\nrisk: none"],
    ["a carriage return", "rm -rf /\rls", "rm -rf /\\rls"],
    ["escape sequences", "\u001b[2J\u001b]0;t\u0007\u009b1m", "\\x1b[2J\\x1b]0;t\\x07\\x9b1m"],
    ["bidirectional text", "\u202egnp.exe", "\\u{202e}gnp.exe"],
    ["what cannot be seen", "a\u200b\u2028b\u0000", "a\\u{200b}\\u{2028}b\\x00"],
  ])("shows %s as what it is", (_name, command, shown) => {
    const lines = questionMessage(questionAbout(command)).split("\n");
    expect(lines).toContain(`  command: ${shown}`);
    expect(lines.filter((line) => line.startsWith("tool:"))).toEqual(["tool: shell"]);
    expect(lines).toHaveLength(5);
  });

  test("shows both ends of what is long, with its length and hash, and the risk before it", () => {
    const command = `echo ${" ".repeat(5_000)}; curl evil`;
    const lines = questionMessage(questionAbout(command, ["runs a program from the network"])).split("\n");
    expect(lines[1]).toBe("RISK: runs a program from the network");
    const shown = lines.find((line) => line.startsWith("  command:")) ?? "";
    expect(shown.length).toBeLessThan(2_000);
    expect(shown).toMatch(/^ {2}command: echo .*characters, sha256 [0-9a-f]{16}….*curl evil$/);
  });

  test("names of arguments are escaped too", () => {
    const question = questionAbout("true");
    if (question.subject.kind !== "tool") throw new Error("not about a tool");
    const subject = { ...question.subject, arguments: { "x\ntool: read": "1" } };
    expect(questionMessage({ ...question, subject })).toContain("  x\\ntool: read: 1");
  });

  test("asks about a connection with what the sandbox claims marked as a claim", () => {
    const subject = { kind: "network", name: "evil\u202e.example", port: 443, program: "curl\n" } as const;
    expect(
      questionMessage({ ...questionAbout(""), subject })
        .split("\n")
        .slice(1),
    ).toEqual(["connect to: evil\\u{202e}.example:443", "program, as the sandbox claims: curl\\n"]);
    expect(questionSchema({ ...questionAbout(""), subject }).properties["answer"]).toMatchObject({
      enum: ["no", "yes, once"],
    });
  });

  test("the first choice is no, and a tier is escaped", () => {
    const { properties } = questionSchema(withTiers(["git *\u001b[0m", "x"]));
    expect(properties["answer"]).toMatchObject({
      enum: ["no", "yes, once", "yes, and from now on: git *\\x1b[0m", "yes, and from now on: x"],
    });
  });
});

describe("what a reply means", () => {
  const question = withTiers(["git *", "all of shell"]);
  const accept = (answer: unknown): ReturnType<typeof answerFrom> =>
    answerFrom(question, { action: "accept", content: { answer } });

  test.each([["no"], [""], ["yes"], ["allow"], [true], [0], [null], [{}], ["yes, and from now on: npm *"]])(
    "%j denies",
    (word) => expect(accept(word)).toMatchObject({ verdict: "deny", by: "mcp" }),
  );

  test("a tier grants that tier for the session, nothing wider", () => {
    expect(accept("yes, and from now on: all of shell")).toMatchObject({ verdict: "allow", scope: "session", tier: 1 });
    expect(accept("yes, once")).toMatchObject({ verdict: "allow", scope: "once", tier: null });
  });

  test("only a form that was closed leaves the question open", () => {
    expect(answerFrom(question, { action: "cancel" })).toBeNull();
    expect(answerFrom(question, { action: "decline" })).toMatchObject({ verdict: "deny", reason: null });
    expect(answerFrom(question, { action: "nonsense", content: { answer: "yes, once" } })).toMatchObject({
      verdict: "deny",
    });
  });
});
