import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab, until } from "../support/lab.js";
import { type OwnOrigin, startOwnOrigin } from "../support/own-origin.js";

let lab: Lab;
let origin: OwnOrigin;
let session: string;

beforeAll(async () => {
  lab = new Lab();
  origin = await startOwnOrigin(join(lab.root, "origin"));
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const network = {
    hosts: { "web.test.example": "127.0.0.1" },
    allowPrivate: [`web.test.example:${origin.http}`],
  };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network }));
  session = await lab.start();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

/** The process that holds the session's wire. */
function supervisor(): string {
  const found = readdirSync("/proc").find((name) => {
    try {
      const args = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      return args.includes("supervise") && args.includes(session);
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`nobody supervises ${session}`);
  return found;
}

const files = (pid: string): number => readdirSync(`/proc/${pid}/fd`).length;
const mebibytes = (pid: string): number =>
  Number(/^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) / 1024;

describe.skipIf(process.platform !== "linux")("the process that holds a session's wire", () => {
  it("is as small after thousands of connections as before", async () => {
    const pid = supervisor();
    const before = { files: files(pid), memory: mebibytes(pid) };
    lab.write(
      "many.py",
      `
import concurrent.futures as f, urllib.request as u
def one(_):
    return len(u.urlopen("http://web.test.example:${origin.http}/").read())
with f.ThreadPoolExecutor(500) as pool:
    print(sum(pool.map(one, range(5000))))`,
    );
    const { stdout } = await lab.exec(session, "python3 many.py && python3 many.py");
    expect(stdout.toString()).toBe(`${22 * 5000}\n${22 * 5000}\n`);
    await lab.exec(session, `curl -s -o /dev/null http://web.test.example:${origin.http}/bytes/500000000`);
    await until(() => files(pid) <= before.files + 5);
    await until(() => mebibytes(pid) < before.memory + 30, 500);
    expect(mebibytes(pid)).toBeLessThan(100);
  });
});
