import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { catalogue } from "../../src/base/errors.js";

test("docs/errors.md lists every code with its exit code and its meaning, and no other", () => {
  const text = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const listed = [...text.matchAll(/^\| `(E_\w+)` \| (\d+) \| (.+) \|$/gm)].map(([, code, exit, doc]) => [
    code,
    Number(exit),
    doc,
  ]);
  const expected = Object.entries(catalogue).map(([code, { exit, doc }]) => [code, exit, doc]);
  expect(listed).toEqual(expected);
});
