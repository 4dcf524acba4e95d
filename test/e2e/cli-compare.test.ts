import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab } from "../support/lab.js";

let lab: Lab;
let first: string;
let second: string;

async function work(script: string): Promise<string> {
  const { stderr } = await lab.airlock(["run", "--on-exit", "keep", "--", "sh", "-c", script]);
  return /kept session ([a-z0-9-]+)/.exec(stderr)?.[1] ?? "";
}

beforeAll(async () => {
  lab = new Lab();
  first = await work("echo same > both.txt; echo one > other.txt; rm src/b.txt");
  second = await work("echo same > both.txt; echo two > other.txt; echo x > alone.txt");
}, 120_000);
afterAll(() => lab[Symbol.asyncDispose]());

it("lays two sessions side by side", async () => {
  const found = await lab.json<{ paths: { path: string; found: string }[] }>(["compare", first, second, "--json"]);
  expect(found).toMatchObject({ first, second, totals: { different: 1, first: 1, second: 1, same: 1 } });
  expect(found.paths.map(({ path, found: how }) => `${how} ${path}`)).toEqual([
    "second alone.txt",
    "same both.txt",
    "different other.txt",
    "first src/b.txt",
  ]);
  const { stdout } = await lab.airlock(["compare", first, second]);
  expect(stdout.toString()).toMatch(/different +added +added +other\.txt\n[\s\S]*first alone +deleted +- +src\/b\.txt/);
  expect(stdout.toString()).toContain("4 paths: 1 different, 1 first alone, 1 second alone, 1 the same");
});

it("does not compare a session with itself, or with one that is not there", async () => {
  expect(await lab.airlock(["compare", first, first])).toMatchObject({ code: 2 });
  expect(await lab.airlock(["compare", first, "nobody-0000"])).toMatchObject({ code: 10 });
});

it("says what sessions and images take, and a discarded one takes its journal alone", async () => {
  await lab.airlock(["snapshot", second]);
  await lab.airlock(["discard", first]);
  const use = await lab.json<{
    sessions: { session: string; layers: number; snapshots: number; records: number }[];
    images: { image: string; bytes: number }[];
    total: number;
    prunable: number;
    unknown: string[];
  }>(["du", "--json"]);
  const of = (id: string) => use.sessions.find(({ session }) => session === id);
  expect(of(first)).toMatchObject({ state: "discarded", layers: 0, snapshots: 0 });
  expect(of(second)?.layers).toBeGreaterThan(0);
  expect(of(second)?.snapshots).toBeGreaterThan(0);
  for (const each of use.sessions) expect(each.records).toBeGreaterThan(0);
  expect(use.images.some(({ image, bytes }) => image.startsWith("airlock/sandbox:") && bytes > 1e8)).toBe(true);
  expect(use.total).toBe(
    use.sessions.reduce((sum, { layers, snapshots, records }) => sum + layers + snapshots + records, 0),
  );
  expect([use.prunable, use.unknown]).toEqual([0, []]);
  expect((await lab.airlock(["du"])).stdout.toString()).toContain("airlock prune would give back");
});

it("says of what the engine cannot count that it is not known, in the total too", async () => {
  await lab.inStore(`mv sessions/${second} aside`);
  const { stdout } = await lab.airlock(["du"]);
  await lab.inStore(`mv aside sessions/${second}`);
  expect(stdout.toString()).toMatch(new RegExp(`${second} +stopped +not known +not known +not known`));
  expect(stdout.toString()).toMatch(/sessions take at least .* prune would give back at least/);
  expect(stdout.toString()).toContain(`(not all is known of ${second})`);
});
