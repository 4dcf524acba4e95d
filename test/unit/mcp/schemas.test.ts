import { describe, expect, test } from "vitest";
import { argumentSchemas } from "../../../src/mcp/schemas.js";
import { toolNames } from "../../../src/model/tool.js";
import { parseToolCall } from "../../../src/tools/parse-call.js";

interface Told {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Told;
  readonly properties?: Readonly<Record<string, Told>>;
}

const place = { workspace: "/project", home: "/home/agent" };

// Something of the kind that the schema tells.
function example({ type, enum: words, items, properties }: Told): unknown {
  if (words !== undefined) return words[0];
  if (type === "array") return [items === undefined ? "x" : example(items)];
  if (type === "object")
    return Object.fromEntries(Object.entries(properties ?? {}).map(([name, each]) => [name, example(each)]));
  if (type === "boolean") return false;
  return type === "integer" || type === "number" ? 1 : "x";
}

describe("what a client is told of a tool's arguments", () => {
  test.each(toolNames)("%s: every field and every word is understood", (tool) => {
    const { properties } = argumentSchemas[tool] as Told;
    const given = example(argumentSchemas[tool] as Told) as Record<string, unknown>;
    for (const [name, told] of Object.entries(properties ?? {})) {
      for (const word of told.enum ?? [undefined]) {
        const args: Record<string, unknown> = { ...given, ...(word === undefined ? {} : { [name]: word }) };
        // The change decides which of its texts a write takes.
        if (word === "append") delete args["file_text"];
        expect(() => parseToolCall(tool, args, place), `${name}=${word}`).not.toThrow();
      }
    }
  });

  test("every mode of read is understood", () => {
    for (const mode of ["Line", "Directory", "Search", "Image"])
      expect(() => parseToolCall("read", { operations: [{ mode, path: "a", pattern: "b" }] }, place)).not.toThrow();
  });
});
