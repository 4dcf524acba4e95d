import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestBed } from "../support/cli.js";
import { Screen } from "../support/screen.js";

const bed = new TestBed();
const id = `seen-${process.pid}`;
const value = `plain words ${process.pid}`;

beforeAll(async () => {
  expect((await bed.airlock(["start", "-q", "--name", id])).code).toBe(0);
});
afterAll(() => bed[Symbol.asyncDispose]());

type Event = readonly [number, string, string];
interface Entry {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const castsOf = (session: string) => join(bed.home, "sessions", session, "casts");
const names = (session = id): string[] => (existsSync(castsOf(session)) ? readdirSync(castsOf(session)).sort() : []);
const newest = (): string => `${Math.max(0, ...names().map((name) => Number.parseInt(name, 10)))}.cast`;
const eventsOf = (name: string, session = id): Event[] =>
  readFileSync(join(castsOf(session), name), "utf8")
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as Event);
const shown = (name: string, session = id): string =>
  eventsOf(name, session)
    .filter(([, code]) => code === "o")
    .map(([, , text]) => text)
    .join("");
const entries = (session = id): Entry[] =>
  readFileSync(join(bed.home, "sessions", session, "journal.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Entry);

describe("the recording of a terminal", () => {
  it("is output, sizes and marks of a shell, for its owner's eyes, and no key that was pressed", async () => {
    const session = bed.terminal(["shell", id]);
    await session.waitFor(/[$#] $/);
    session.type(`read -s -p "hidden? " hidden; printf %s "$hidden" | wc -c\r`);
    await session.waitFor(/hidden\? $/);
    session.type("never shown\r");
    await session.waitFor(/11\r\n/);
    session.resize(111, 33);
    session.type(`until [ "$(stty size)" = "33 111" ]; do sleep 0.1; done; echo it is" so"\r`);
    await session.waitFor(/it is so/);
    expect((await bed.airlock(["tool", "read", '{"path":"README.md"}'])).code).toBe(0);
    await expect.poll(() => eventsOf(newest()).some(([, code]) => code === "m"), { timeout: 5_000 }).toBe(true);
    session.type("exit\r");
    await session.exit;
    const name = newest();
    expect(statSync(castsOf(id)).mode & 0o777).toBe(0o700);
    expect(statSync(join(castsOf(id), name)).mode & 0o777).toBe(0o600);
    expect(shown(name)).toMatch(/11\r\n/);
    expect(readFileSync(join(castsOf(id), name), "utf8")).not.toContain("never shown");
    expect(eventsOf(name)).toContainEqual([expect.any(Number), "r", "111x33"]);
    const marks = eventsOf(name).filter(([, code]) => code === "m");
    expect(marks[0]?.[2]).toMatch(/^#\d+ tool\.call read allow$/);
    const times = eventsOf(name).map(([at]) => at);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
  });

  it("is marked in the journal, with where it began on the journal's clock, and its hash", () => {
    const last = (kind: string) => entries().findLast((entry) => entry.kind === kind)?.data;
    const [start, end] = [last("cast.start"), last("cast.end")];
    expect(start).toMatchObject({ columns: 80, rows: 24, up: expect.any(Number) });
    const content = readFileSync(join(castsOf(id), String(start?.["cast"])));
    const sha256 = createHash("sha256").update(content).digest("hex");
    expect(end).toMatchObject({ cast: start?.["cast"], bytes: content.length, sha256, lost: 0, cut: null });
  });

  it("does not hold what --env gave, in one piece or in many", async () => {
    const script = `echo "$V"; printf '%s' "$V" | while IFS= read -r -n1 c; do printf '%s' "\${c:- }"; sleep 0.02; done; echo; echo over`;
    const session = bed.terminal(["exec", "-e", `V=${value}`, id, "--", "bash", "-c", script]);
    expect(await session.exit).toBe(0);
    expect(session.output).toContain(value);
    expect(shown(newest())).toMatch(/\[redacted\]\r\n\[redacted\]\r\nover/);
  });

  it("is whole up to its last line when its terminal is killed, and the next one has another name", async () => {
    const child = bed.terminal(["exec", id, "--", "sh", "-c", "echo before the end; sleep 60"]);
    await child.waitFor(/before the end/);
    await expect.poll(() => shown(newest()), { timeout: 5_000 }).toContain("before the end");
    child.kill("SIGKILL");
    await child.exit;
    expect(shown(newest())).toContain("before the end");
    expect(entries().filter(({ kind, data }) => kind === "cast.end" && data["cast"] === newest())).toEqual([]);
  });

  it("is in the report, also the one that nobody ended, with where in it everything was", async () => {
    const report = await bed.json<{
      casts: { cast: string; isEnded: boolean; seconds: number; bytes: number }[];
      lines: { text: string; casts?: { cast: string }[] }[];
    }>(["report", id, "--json"]);
    expect(report.casts.at(-1)).toMatchObject({
      isEnded: false,
      seconds: expect.any(Number),
      bytes: expect.any(Number),
    });
    expect(report.casts.some(({ isEnded }) => isEnded)).toBe(true);
    expect(report.lines.find(({ text }) => text.startsWith("allowed read"))?.casts).toHaveLength(1);
    const { stdout } = await bed.airlock(["report", id]);
    expect(stdout.toString()).toMatch(/recordings in .*casts\n {2}1\.cast {2}[-\dT:]+Z {2}\d+\.\d s, /);
    expect(stdout.toString()).toContain("not ended");
  });

  it("ends in order when its terminal goes away", async () => {
    const child = bed.terminal(["exec", id, "--", "sh", "-c", "echo there; exec sleep 61"]);
    await child.waitFor(/there/);
    child.kill("SIGTERM");
    expect(await child.exit).toBe(143);
    expect(entries().at(-1)).toMatchObject({ kind: "command.end" });
    expect(entries().some(({ kind, data }) => kind === "cast.end" && data["cast"] === newest())).toBe(true);
  });

  it("is not made without a terminal, nor when it is not wanted", async () => {
    const before = names();
    expect((await bed.airlock(["exec", id, "--", "echo", "piped"])).code).toBe(0);
    expect(await bed.terminal(["exec", "--no-record", id, "--", "echo", "unseen"]).exit).toBe(0);
    expect(names()).toEqual(before);
  });

  it("stays with the journal when a run is discarded; --no-record and the user's configuration make none", async () => {
    const run = async (name: string, ...options: readonly string[]) => {
      const session = bed.terminal(["run", "--on-exit", "discard", "--name", name, ...options, "--", "echo", "shown"]);
      expect(await session.exit).toBe(0);
      expect(entries(name).at(-1)?.kind).toBe("session.discarded");
      return names(name);
    };
    expect(await run(`${id}-a`)).toEqual(["1.cast"]);
    expect(shown("1.cast", `${id}-a`)).toContain("shown");
    const told = await bed.json<{ totals: unknown }>(["report", `${id}-a`, "--json"]);
    expect(told.totals).toMatchObject({ ran: 1, isDiscarded: true });
    expect(await run(`${id}-b`, "--no-record")).toEqual([]);
    mkdirSync(join(bed.userHome, ".config/airlock"), { recursive: true });
    writeFileSync(join(bed.userHome, ".config/airlock/config.yaml"), "record: false\n");
    expect(await run(`${id}-c`)).toEqual([]);
  });
});

describe("airlock replay", () => {
  const play = async (output: string): Promise<number> => {
    const session = bed.terminal(["exec", id, "--", "sh", "-c", output]);
    await session.exit;
    return Number.parseInt(newest(), 10);
  };

  it("plays a recording, searches it, and lets nothing that was recorded reach the terminal", async () => {
    const evil = "\\033]0;title\\007\\033]52;c;ZXZpbA==\\007\\033[6n\\342\\200\\256";
    const number = await play(`printf '${evil}first thing\\r\\n'; sleep 1; printf 'last thing\\r\\n'`);
    const session = bed.terminal(["replay", id, "--cast", String(number), "--idle-limit", "0.2"]);
    const screen = new Screen(session);
    await screen.waitFor(/first thing[\s\S]*last thing[\s\S]*the end/);
    screen.type("g");
    await screen.waitFor(/0:00\//);
    screen.type("/last thing\r");
    await screen.waitFor(/last thing/);
    screen.type("q");
    expect(await session.exit).toBe(0);
    await screen.rows();
    expect(screen.isOther).toBe(false);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what was recorded must not drive the terminal
    expect(session.output).not.toMatch(/\u001b\]|\u001b\[6n|\u0007|\u202e/);
  });

  it("gives a recording with its marks away, over no file that is there, and asks for a terminal to play it", async () => {
    const target = join(bed.root, "out.cast");
    expect((await bed.airlock(["replay", id, "--cast", "1", "--export", target])).code).toBe(0);
    expect(readFileSync(target, "utf8")).toBe(readFileSync(join(castsOf(id), "1.cast"), "utf8"));
    expect((await bed.airlock(["replay", id, "--export", target])).code).toBe(2);
    const { stdout } = await bed.airlock(["replay", id, "--cast", "1", "--export", "-"]);
    expect(stdout.toString()).toBe(readFileSync(target, "utf8"));
    const { code, stderr } = await bed.airlock(["replay", id]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--export")]);
  });
});
