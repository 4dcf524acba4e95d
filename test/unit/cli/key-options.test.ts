import { describe, expect, it } from "vitest";
import { keyHosts, keysOf } from "../../../src/cli/options/key-options.js";

const env = { API_KEY: " sk-real\n", EMPTY: "", ODD: "two\r\nX-Injected: yes" };

function refusalOf(key: string): string {
  try {
    keysOf({ key: [key] }, { env });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

describe("--key", () => {
  it("names a host and a variable, and holds no secret", () => {
    const keys = keysOf({ key: ["API.example.com=env:API_KEY", "b.example.com:8443=env:API_KEY"] }, { env });
    expect(new Set(keys.map(({ host }) => host))).toEqual(new Set(["api.example.com", "b.example.com:8443"]));
    expect(keys).toContainEqual({
      ...{ host: "api.example.com", header: "authorization", format: "Bearer {}" },
      ...{
        from: { env: "API_KEY" },
        variable: "API_KEY",
        placeholder: expect.stringMatching(/^airlock-[0-9a-f]{40}$/),
      },
    });
    // One variable inside has one value.
    expect(new Set(keys.map(({ placeholder }) => placeholder)).size).toBe(1);
    expect(JSON.stringify(keys)).not.toContain("sk-real");
    expect(keyHosts({ key: ["a.example.com=env:API_KEY"] })).toEqual(["a.example.com"]);
  });

  it("has another placeholder each time", () => {
    const [one, other] = [0, 1].map(() => keysOf({ key: ["a.example.com=env:API_KEY"] }, { env })[0]?.placeholder);
    expect(one).not.toBe(other);
  });

  it.each([
    "a.example.com=sk-the-secret-itself",
    "sk-the-secret-itself",
    "*.example.com=env:API_KEY",
    "a=env:A B",
    "10.0.0.1:443=env:API_KEY",
  ])("refuses %s without repeating it", (key) => {
    expect(refusalOf(key)).toContain("HOST=env:NAME");
    expect(refusalOf(key)).not.toContain("itself");
  });

  it("refuses a variable that is not there, or that no header can hold", () => {
    expect(refusalOf("a.example.com=env:MISSING")).toContain("MISSING is not set here");
    expect(refusalOf("a.example.com=env:EMPTY")).toContain("EMPTY is not set here");
    expect(refusalOf("a.example.com=env:ODD")).toMatch(/ODD holds what no header can$/);
  });
});
