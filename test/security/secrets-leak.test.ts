import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, ended, Lab } from "../support/lab.js";

const canary = (name: string): string => `canary${name}${process.pid}q7x`;
/** Given to the sandbox on purpose: visible to the command, and to nobody else. */
const given = { flag: canary("flag"), file: canary("file"), inherited: canary("inherited"), exec: canary("exec") };
/** Never given: a command inside must not find them either. */
const withheld = { dotenv: canary("dotenv"), aws: canary("aws"), shell: canary("shell"), key: canary("key") };
const all = [...Object.values(given), ...Object.values(withheld)];

let lab: Lab;
let events: ChildProcess;
let heard = "";
let processes = "";
let run: ChildProcess;
let seen = "";
const session = `secretive-${process.pid}`;

const leaksIn = (text: string): string[] => all.filter((value) => text.includes(value));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile());
}

beforeAll(async () => {
  lab = new Lab();
  lab.write(".env", `TOKEN=${withheld.dotenv}\n`);
  lab.write("deploy.key", `-----BEGIN PRIVATE KEY-----\n${withheld.key}\n-----END PRIVATE KEY-----\n`);
  mkdirSync(join(lab.userHome, ".aws"));
  writeFileSync(join(lab.userHome, ".aws/credentials"), `aws_secret_access_key=${withheld.aws}\n`);
  writeFileSync(join(lab.root, "env-file"), `FROM_FILE=${given.file}\n`);
  events = spawn("docker", ["events", "--format", "{{json .}}"], { stdio: ["ignore", "pipe", "ignore"] });
  events.stdout?.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  // The whole command line of a run may hold a value that was typed there: only what Airlock itself starts is looked at.
  const args = [
    "run",
    "--name",
    session,
    "--user",
    "root",
    "--env",
    "FROM_FLAG",
    "--env-file",
    join(lab.root, "env-file"),
    "--env",
    "INHERITED",
  ];
  const env = { FROM_FLAG: given.flag, INHERITED: given.inherited, AWS_SECRET_ACCESS_KEY: withheld.shell };
  run = lab.spawn([...args, "--", "sh", "-c", "env; echo ready; sleep 300"], { env });
  run.stdout?.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  const failed = ended(run);
  while (!seen.includes("ready") && run.exitCode === null) await sleep(20);
  if (run.exitCode !== null) throw new Error(JSON.stringify(await failed));
  const inside = await lab.airlock(["exec", "--env", "IN_EXEC", session, "--", "sh", "-c", "echo $IN_EXEC"], {
    env: { IN_EXEC: given.exec },
  });
  seen += inside.stdout.toString();
  processes = execFileSync("ps", ["-eo", "pid,ppid,args"], { encoding: "utf8" });
});
afterAll(async () => {
  run?.kill("SIGKILL");
  events?.kill();
  await lab[Symbol.asyncDispose]();
});

describe("a secret given to a sandbox", () => {
  it("reaches the command it was given to", () => {
    for (const value of Object.values(given)) expect(seen).toContain(value);
    for (const value of Object.values(withheld)) expect(seen).not.toContain(value);
  });

  it("is in nothing that the engine tells of the container, its image, its volumes or its log", async () => {
    const name = `airlock-${session}-1`;
    const told = await Promise.all([
      docker("inspect", name),
      docker("volume", "inspect", `airlock-${session}-workspace`, `airlock-${session}-home`),
      docker("history", "--no-trunc", await docker("inspect", "-f", "{{.Image}}", name)),
      docker("logs", name).catch(() => ""),
    ]);
    expect(told.join("").length).toBeGreaterThan(1_000);
    expect(leaksIn(told.join("\n"))).toEqual([]);
  });

  it("is in no image that a snapshot makes of the container", async () => {
    expect((await lab.airlock(["snapshot", session])).code).toBe(0);
    const image = (await lab.held(session)).find((each) => each.includes("snapshot"));
    expect(image).toBeDefined();
    expect(leaksIn(await docker("inspect", image ?? ""))).toEqual([]);
    expect(leaksIn(await docker("history", "--no-trunc", image ?? ""))).toEqual([]);
  });

  it("is in none of the engine's events", () => {
    expect(heard).toContain(session);
    expect(leaksIn(heard)).toEqual([]);
  });

  it("is in the arguments of no process on the host", () => {
    // The whole command line is hidden, and the process is seen all the same.
    expect(processes).toMatch(new RegExp(`^ *${run.pid} +\\d+ airlock`, "m"));
    expect(leaksIn(processes)).toEqual([]);
  });

  it("is in no file of the state folder: record, journal, snapshots, caches", () => {
    const files = filesBelow(lab.home);
    expect(files.map((path) => path.split("/").at(-1))).toEqual(
      expect.arrayContaining(["session.json", "journal.jsonl"]),
    );
    expect(files.filter((path) => leaksIn(readFileSync(path, "latin1")).length > 0)).toEqual([]);
  });

  it("is in nothing that status, log, ls, diff and snapshots print", async () => {
    for (const command of [
      ["status", session],
      ["status", session, "--json"],
      ["log", session, "--json"],
      ["ls", "--json"],
      ["diff", "--json", "--session", session],
      ["diff", "--patch", "--session", session],
      ["snapshots", session],
    ]) {
      const { code, stdout, stderr } = await lab.airlock([...command, "--debug"]);
      expect(code, stderr).toBe(0);
      expect(leaksIn(stdout.toString() + stderr)).toEqual([]);
    }
  });

  it("is in no file that the keeper or the sandbox holds", async () => {
    const script = `grep -rlF ${all.map((value) => `-e ${value}`).join(" ")} /store 2>/dev/null; true`;
    const keeper = await docker(
      "ps",
      "-q",
      "--filter",
      `label=airlock.home=${await lab.homeId()}`,
      "--filter",
      "label=airlock.role=keeper",
    );
    expect(await docker("exec", keeper, "sh", "-c", script)).toBe("");
  });
});

describe("a secret of the host", () => {
  it("is not found by a command that looks at every file, environment and process of its sandbox", async () => {
    const halves = Object.values(withheld).map((value) => `${value.slice(0, 6)}''${value.slice(6)}`);
    // Written in two halves, or the search would find its own arguments.
    const script = `for each in ${halves.join(" ")}; do grep -rlsaF "$each" . /home /root /tmp /etc /mnt /run /var /airlock; cat /proc/[0-9]*/environ | grep -caF "$each"; done; echo looked`;
    const { stdout } = await lab.airlock(["exec", session, "--", "sh", "-c", script]);
    expect(stdout.toString()).toBe(`${"0\n".repeat(halves.length)}looked\n`);
  });

  it("is found by the same search when it is not hidden", async () => {
    const half = `${withheld.dotenv.slice(0, 6)}''${withheld.dotenv.slice(6)}`;
    const { stdout } = await lab.airlock([
      "run",
      "--on-exit",
      "discard",
      "--unmask",
      ".env",
      "--",
      "sh",
      "-c",
      `grep -rlsaF ${half} .`,
    ]);
    expect(stdout.toString()).toBe("./.env\n");
  });
});
