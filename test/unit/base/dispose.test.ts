import { expect, test } from "vitest";
import { DisposeStack } from "../../../src/base/dispose.js";

test("everything is closed in reverse, also when one closing fails, and the failure is thrown", async () => {
  const closed: string[] = [];
  const stack = new DisposeStack();
  stack.defer(() => void closed.push("first"));
  stack.defer(() => {
    throw new Error("second failed");
  });
  stack.defer(() => void closed.push("third"));
  await expect(stack[Symbol.asyncDispose]()).rejects.toThrow("second failed");
  expect(closed).toEqual(["third", "first"]);
});

test("what was moved is closed by its new owner only", async () => {
  const closed: string[] = [];
  const stack = new DisposeStack();
  stack.defer(() => void closed.push("it"));
  const owner = stack.move();
  await stack[Symbol.asyncDispose]();
  expect(closed).toEqual([]);
  await owner[Symbol.asyncDispose]();
  expect(closed).toEqual(["it"]);
});
