import { afterAll, describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";

const bed = new TestBed();
afterAll(() => bed[Symbol.asyncDispose]());

describe("airlock aws policy", () => {
  it("explains each line, and needs neither an engine nor credentials", async () => {
    const { code, stdout, stderr } = await bed.airlock(["aws", "policy"], { env: { DOCKER_HOST: "unix:///nonesuch" } });
    expect({ code, stderr: stderr.trim() }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^mode gateway: \d+ of 2048 characters;/),
    });
    const text = stdout.toString();
    expect(text).toContain("no credentials but these may come out of the session");
    expect(text).toContain("what cannot be taken back may not be done");
  });

  it("prints what STS gets", async () => {
    const { code, stdout } = await bed.airlock(["aws", "policy", "--mode", "direct", "--json"]);
    const { mode, text, alone, arns } = JSON.parse(stdout.toString()) as Record<string, string>;
    expect({ code, mode, arns }).toEqual({ code: 0, mode: "direct", arns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] });
    for (const each of [text, alone]) expect(JSON.parse(each ?? "")).toHaveProperty("Version", "2012-10-17");
  });
});
