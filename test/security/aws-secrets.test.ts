import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AwsLab } from "../support/aws/aws-lab.js";
import { type AwsStub, startAwsStub } from "../support/aws/stub.js";
import { docker } from "../support/lab.js";

let lab: AwsLab;
let stub: AwsStub;
let session: string;
let container: string;
let events: ChildProcess;
let heard = "";
let waiting: ChildProcess;

// The user's own keys, and every one that STS issued to the host so far.
const realKeys = (): string[] =>
  [...stub.keys].flatMap(([id, { secret, token }]) => [id, secret, ...(token === null ? [] : [token])]);
const leaksIn = (text: string): string[] => realKeys().filter((value) => text.includes(value));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile());
}

const mostBytes = 256 * 1024 * 1024;

/** Everything that a process has in its memory and may read, as a core dump would. */
function* memoryOf(pid: string): Generator<string> {
  // The environment is a part of it. One that ends meanwhile has nothing any more.
  if (!existsSync(`/proc/${pid}/exe`)) return;
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
      const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? [];
      const [start, size] = [Number.parseInt(from, 16), Number.parseInt(to, 16) - Number.parseInt(from, 16)];
      if (!(size > 0) || size > mostBytes || line.includes("[v")) continue;
      const bytes = Buffer.alloc(size);
      try {
        yield bytes.toString("latin1", 0, readSync(memory, bytes, 0, size, start));
      } catch {
        // A guard page, or one that went meanwhile.
      }
    }
  } finally {
    closeSync(memory);
  }
}

async function pidsInside(): Promise<string[]> {
  const rows = (await docker("top", container, "-eo", "pid")).split("\n").slice(1);
  return rows.map((row) => row.trim());
}

beforeAll(async () => {
  [lab, stub] = [new AwsLab(), await startAwsStub()];
  await lab.use({ url: stub.url, ...stub.user }, { role: "reader" });
  events = spawn("docker", ["events", "--format", "{{json .}}"], { stdio: ["ignore", "pipe", "ignore"] });
  events.stdout?.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  session = await lab.start("--user", "root");
  container = `airlock-${session}-1`;
  const { error } = await lab.call(session, "sts", "GetCallerIdentity");
  if (error !== null) throw new Error(JSON.stringify(error));
  // A process that has called AWS and goes on living.
  const script = `${lab.clientCommand("ec2", "DescribeInstances")}; ${lab.clientCommand("ec2", "TerminateInstances", { InstanceIds: ["i-1"] })}; sleep 300`;
  waiting = lab.spawn(["exec", session, "--", "sh", "-c", script]);
  while (!stub.seen.some(({ operation }) => operation === "DescribeInstances")) await sleep(50);
}, 300_000);

afterAll(async () => {
  waiting?.kill("SIGKILL");
  events?.kill();
  await lab?.[Symbol.asyncDispose]();
  await stub?.[Symbol.asyncDispose]();
});

describe("the host's AWS keys, and those issued for a session", () => {
  it("are there to be found, and sign what is forwarded", () => {
    const issued = stub.seen.filter(({ operation }) => operation === "DescribeInstances");
    expect(issued.map(({ arn }) => arn)).toContain(
      `arn:aws:sts::123456789012:assumed-role/reader/airlock-${session}`.slice(0, 150),
    );
    expect(realKeys().length).toBeGreaterThanOrEqual(5);
    expect(leaksIn(readFileSync(join(lab.userHome, ".aws/credentials"), "utf8"))).toHaveLength(2);
  });

  it("are in nothing that the engine tells of the container, its image, its volumes, its log and its events", async () => {
    const image = await docker("inspect", "-f", "{{.Image}}", container);
    const told = await Promise.all([
      docker("inspect", container),
      docker("volume", "inspect", `airlock-${session}-workspace`, `airlock-${session}-home`),
      docker("history", "--no-trunc", image),
      docker("logs", container).catch(() => ""),
    ]);
    expect(heard).toContain(session);
    expect(leaksIn([...told, heard].join("\n"))).toEqual([]);
  });

  it("are in the memory and the environment of no process of the sandbox, the hatch's neither", async () => {
    const { stdout } = await lab.exec(session, "env | sed -n 's/^AWS_CONTAINER_AUTHORIZATION_TOKEN=//p'");
    const token = stdout.toString().trim();
    expect(token.length).toBeGreaterThan(20);
    let hasToken = 0;
    // Those of the call above are ending.
    await sleep(1_000);
    const pids = await pidsInside();
    expect(pids.length).toBeGreaterThan(2);
    for (const pid of pids) {
      for (const piece of memoryOf(pid)) {
        expect(leaksIn(piece)).toEqual([]);
        if (piece.includes(token)) hasToken += 1;
      }
    }
    // What is inside would have been found.
    expect(hasToken).toBeGreaterThan(0);
  });

  it("are in no file that a command inside can read, and not behind the addresses where machines of AWS have theirs", async () => {
    const halves = realKeys().map((value) => `-e '${value.slice(0, 8)}''${value.slice(8)}'`);
    // Written in two halves, or the search would find its own arguments.
    const script = [
      "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline >/tmp/processes 2>/dev/null",
      `grep -rlaF ${halves.join(" ")} / --exclude-dir=proc --exclude-dir=sys 2>/dev/null`,
      // What is inside is found.
      'grep -caF "$AWS_CONTAINER_AUTHORIZATION_TOKEN" /tmp/processes',
    ].join("; ");
    const { stdout } = await lab.exec(session, script);
    expect(stdout.toString().trim()).toMatch(/^[1-9]\d*$/);
    const reach =
      "for host in 169.254.169.254 169.254.170.2; do curl -sS -m 3 http://$host/latest/meta-data/ && echo REACHED; done";
    expect((await lab.exec(session, reach)).stdout.toString()).not.toContain("REACHED");
  });

  it("are in no file of the state folder: record, journal, questions, caches", () => {
    const files = filesBelow(lab.home);
    expect(files.map((path) => path.split("/").at(-1))).toEqual(
      expect.arrayContaining(["session.json", "journal.jsonl"]),
    );
    expect(files.filter((path) => leaksIn(readFileSync(path, "latin1")).length > 0)).toEqual([]);
  });

  it("are in the arguments of no process on the host", () => {
    expect(leaksIn(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }))).toEqual([]);
  });

  it("are in nothing that is printed, also with --debug", async () => {
    for (const command of [
      ["status", session],
      ["status", session, "--json"],
      ["log", session, "--json"],
      ["report", session, "--json"],
      ["aws", "ledger", session, "--json"],
      ["aws", "whoami", "--json"],
      ["diff", "--patch", "--session", session],
    ]) {
      const { stdout, stderr } = await lab.airlock([...command, "--debug"]);
      // Whose keys they are may be said, not what they are.
      expect([command, leaksIn(stdout.toString() + stderr)]).toEqual([command, []]);
    }
  });

  it("are in no snapshot, neither in its layers nor in the image that it makes of the container", async () => {
    expect((await lab.airlock(["snapshot", session])).code).toBe(0);
    const image = (await lab.held(session)).find((each) => each.includes("snapshot")) ?? "";
    expect(leaksIn(await docker("inspect", image))).toEqual([]);
    expect(leaksIn(await docker("history", "--no-trunc", image))).toEqual([]);
    const keeper = await docker(
      ...["ps", "-q", "--filter", `label=airlock.home=${await lab.homeId()}`, "--filter", "label=airlock.role=keeper"],
    );
    const search = `grep -rlaF ${realKeys()
      .map((value) => `-e '${value}'`)
      .join(" ")} /store 2>/dev/null; true`;
    expect(await docker("exec", keeper, "sh", "-c", search)).toBe("");
  });
});

describe("credentials that are asked for inside", () => {
  it("are issued by no call: what hands out keys is denied", async () => {
    const before = stub.keys.size;
    for (const [service, operation, input] of [
      ["sts", "AssumeRole", { RoleArn: "arn:aws:iam::123456789012:role/reader", RoleSessionName: "x" }],
      ["sts", "GetFederationToken", { Name: "x" }],
      ["sts", "GetSessionToken", {}],
      ["iam", "CreateAccessKey", { UserName: "alice" }],
    ] as const) {
      const { error } = await lab.call(session, service, operation, input);
      expect([operation, error?.name]).toEqual([operation, expect.stringMatching(/AccessDenied/)]);
    }
    expect(stub.keys.size).toBe(before);
  });

  it("are refused to another sandbox's keys, and to this one's after its end", async () => {
    const other = await lab.start();
    const own = await lab.exec(session, "env | grep -E '^AWS_(CONTAINER|ENDPOINT|REGION)'");
    const borrowed = own.stdout
      .toString()
      .trim()
      .split("\n")
      .map((line) => `export '${line}'`)
      .join("; ");
    const count = stub.seen.length;
    const answer = await lab.exec(other, `${borrowed}; ${lab.clientCommand("sts", "GetCallerIdentity")}`);
    expect(answer.stdout.toString()).toMatch(/"value":null/);
    expect(stub.seen.length).toBe(count);
    await lab.airlock(["discard", other]);
  });
});
