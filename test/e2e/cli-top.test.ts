import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";
import { Screen } from "../support/screen.js";

const bed = new TestBed();
const id = `top-${process.pid}`;

beforeAll(async () => {
  expect((await bed.airlock(["start", "-q", "--name", id])).code).toBe(0);
});
afterAll(() => bed[Symbol.asyncDispose]());

describe("airlock top", () => {
  it("tells scripts what runs and what it uses", async () => {
    expect((await bed.airlock(["tool", "read", '{"path":"README.md"}'])).code).toBe(0);
    const [found, ...others] = await bed.json<Record<string, unknown>[]>(["top", "--json"]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ id, state: "running", waiting: 0, connections: 0, trustAllUntil: null });
    expect(found?.["cpuPercent"]).toBeGreaterThanOrEqual(0);
    expect(found?.["memoryBytes"]).toBeGreaterThan(0);
    expect(found?.["diskBytes"]).toBeGreaterThanOrEqual(0);
    expect(found?.["events"]).toContainEqual(expect.objectContaining({ kind: "tool.call", about: "read allow" }));
    expect((await bed.airlock(["top", "--once"])).stdout.toString()).toMatch(new RegExp(`SESSION.*\n${id} +running`));
    expect((await bed.airlock(["top"])).code).toBe(2);
  });

  it("shows it as it happens, takes a snapshot, takes trust back and stops, and gives the terminal back", async () => {
    expect((await bed.airlock(["tools", "trust-all", "--for", "10m", "--yes"])).code).toBe(0);
    const session = bed.terminal(["top"], {}, { cols: 110, rows: 24 });
    const screen = new Screen(session, 110, 24);
    await screen.waitFor(new RegExp(`>${id} +running.* all \\d+m`));
    screen.type("s");
    await screen.waitFor(/snapshot s\d+ of top-/);
    screen.type("r");
    await screen.waitFor(new RegExp(`>${id} +running +- +- `));
    screen.type("x");
    await screen.waitFor(/stop what runs in/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    screen.type("y\r");
    await screen.waitFor(/nothing runs/);
    screen.type("q");
    expect(await session.exit).toBe(0);
    await screen.rows();
    expect(screen.isOther).toBe(false);
    const [listed] = await bed.json<{ state: string }[]>(["ls", "--json"]);
    expect(listed?.state).toBe("stopped");
  });
});
