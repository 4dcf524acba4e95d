import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SnapshotRecord } from "../../src/model/session.js";
import { Lab } from "../support/lab.js";

let lab: Lab;
let id: string;
beforeAll(async () => {
  lab = new Lab();
  id = await lab.start("--auto-snapshot", "--trust-tools=read,write,shell");
}, 120_000);
afterAll(() => lab[Symbol.asyncDispose]());

const shell = async (command: string) => {
  const { code, stderr } = await lab.airlock(["tool", "-s", id, "shell", JSON.stringify({ command })]);
  if (code !== 0) throw new Error(stderr);
};
const listed = async () => (await lab.json<{ snapshots: SnapshotRecord[] }>(["snapshots", id, "--json"])).snapshots;
const auto = async () => (await listed()).filter(({ reason }) => reason === "auto").map(({ id: name }) => name);
const keep = (snapshots: string) => {
  mkdirSync(join(lab.userHome, ".config/airlock"), { recursive: true });
  writeFileSync(join(lab.userHome, ".config/airlock/config.yaml"), `snapshots: ${snapshots}\n`);
};

it("lies before each call that writes, where anything has changed, and brings back what was there", async () => {
  await shell("echo one > file");
  // As at the start, which is there by itself.
  expect(await auto()).toEqual([]);
  await lab.airlock(["tool", "-s", id, "read", '{"path":"README.md"}']);
  expect(await auto()).toEqual([]);
  await shell("rm file; echo two > other");
  await shell("true");
  expect(await auto()).toEqual(["s1", "s2"]);
  await lab.exec(id, "echo note > ~/note");
  await shell("true");
  expect(await auto()).toEqual(["s1", "s2"]);
  expect((await listed())[1]).toMatchObject({ id: "s1", message: expect.stringMatching(/^before shell, call \w+$/) });
  await lab.airlock(["restore", `${id}/s1`]);
  expect((await lab.exec(id, "cat file")).stdout.toString()).toBe("one\n");
  expect((await lab.airlock(["log", id, "--verify"])).code).toBe(0);
});

it("is taken once for each state, also of calls that come at the same time, none of which fails", async () => {
  const before = (await auto()).length;
  await Promise.all([1, 2, 3, 4].map((n) => shell(`echo ${n} > together${n}`)));
  expect((await auto()).length - before).toBeLessThanOrEqual(4);
  expect((await lab.exec(id, "cat together*")).stdout.toString()).toBe("1\n2\n3\n4\n");
});

it("goes when the user's configuration keeps it no longer; what a person made stays", async () => {
  keep("{keep: 2}");
  await lab.airlock(["snapshot", id, "-m", "mine"]);
  await shell("echo a >> file");
  await shell("echo b >> file");
  await shell("echo c >> file");
  const left = await listed();
  expect(left.filter(({ reason }) => reason === "auto")).toHaveLength(2);
  expect(left.map(({ message }) => message)).toContain("mine");
  expect(left.map(({ reason }) => reason)).toContain("restore");
  const stored = await lab.inStore(`ls -v sessions/${id}/snapshots`);
  expect(["s0", ...stored]).toEqual(left.map(({ id: name }) => name));
  keep("{keep: 1, appliesTo: all}");
  const { plan } = await lab.json<{ plan: { snapshots: { snapshot: string }[] } }>(["prune", "--dry-run", "--json"]);
  expect(plan.snapshots.length).toBe(left.length - 2);
  expect((await lab.airlock(["prune"])).stdout.toString()).toContain(`${id}/${plan.snapshots[0]?.snapshot}  (count)`);
  expect((await listed()).map(({ id: name }) => name)).toEqual(["s0", left.at(-1)?.id]);
});

it("stays while a fork lies on it, also when the fork's record cannot be read", async () => {
  keep("{keep: 1}");
  const [held] = await auto().then((names) => (names.length > 0 ? names : shell("true").then(auto)));
  await lab.airlock(["fork", `${id}/${held}`, "--name", "branch-1"]);
  for (const n of [1, 2, 3]) await shell(`echo ${n} >> grows`);
  expect(await auto()).toEqual([held, expect.any(String)]);
  const record = join(lab.home, "sessions/branch-1/session.json");
  const known = readFileSync(record);
  writeFileSync(record, "damaged");
  for (const n of [4, 5]) await shell(`echo ${n} >> grows`);
  expect(await auto()).toEqual([held, expect.any(String)]);
  writeFileSync(record, known);
  expect((await lab.exec("branch-1", "cat file")).code).toBe(0);
  await lab.airlock(["discard", "branch-1"]);
  await shell("true");
  expect(await auto()).toHaveLength(1);
  expect(await auto()).not.toContain(held);
});

it("is not taken any more when it is switched off; and where none can be taken, nothing runs", async () => {
  expect((await lab.airlock(["snapshot", id, "--auto", "off"])).code).toBe(0);
  const before = await listed();
  await shell("echo d >> file");
  expect(await listed()).toEqual(before);
  expect((await lab.airlock(["snapshot", id, "--auto", "off", "-m", "x"])).code).toBe(2);
  await lab.json(["snapshot", id, "--auto", "on", "--json"]);
  expect(await lab.json(["status", id, "--json"])).toMatchObject({ autoSnapshots: true });
  writeFileSync(join(lab.home, "sessions", id, "snapshots.json"), "damaged");
  await expect(shell("echo e >> file")).rejects.toThrow(/it did not run, because no snapshot could be taken before it/);
  expect((await lab.exec(id, "tail -1 file")).stdout.toString()).toBe("d\n");
});
