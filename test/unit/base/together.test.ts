import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { together } from "../../../src/base/together.js";

describe("several things at once", () => {
  it("give their results in the order in which they were begun", async () => {
    expect(await together(sleep(5, "slow"), Promise.resolve(2))).toEqual(["slow", 2]);
  });

  it("are all waited for before a failure of one of them is told", async () => {
    let ended = false;
    const slow = sleep(20).then(() => {
      ended = true;
    });
    await expect(together(Promise.reject(new Error("first")), slow)).rejects.toThrow("first");
    expect(ended).toBe(true);
  });

  it("tell one failure when several fail", async () => {
    await expect(
      together(
        sleep(5).then(() => Promise.reject(new Error("late"))),
        Promise.reject(new Error("early")),
      ),
    ).rejects.toThrow("late");
  });
});
