import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { docker, ended, Lab, until } from "../support/lab.js";

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const recordPath = (id: string): string => join(lab.home, "sessions", id, "session.json");

/** What becomes visible at a point of a command's life, at which it is killed. */
async function killWhen(child: ChildProcess, what: () => boolean | Promise<boolean>): Promise<void> {
  const end = ended(child);
  child.stdout?.resume();
  await until(async () => child.exitCode !== null || (await what()), 2);
  child.kill("SIGKILL");
  await end;
}

async function expectClean(): Promise<void> {
  expect(await lab.held()).toEqual([]);
  expect(await lab.stored()).toEqual([]);
}

const stateOf = async (id: string): Promise<string> =>
  (await lab.json<{ state: string }>(["status", id, "--json"])).state;

describe("a run whose airlock is killed", () => {
  it("is found by the next command, stopped, and keeps its work", async () => {
    const child = lab.spawn([
      "run",
      "--name",
      "killed-run",
      "--",
      "sh",
      "-c",
      "echo work > made; echo ready; sleep 300",
    ]);
    let ready = false;
    child.stdout?.once("data", () => (ready = true));
    await killWhen(child, () => ready);
    const next = await lab.airlock(["ls", "--json"]);
    expect(next.code).toBe(0);
    expect(next.stderr).toMatch(
      /session killed-run was interrupted \(the airlock command that ran it was killed\); its work is kept/,
    );
    expect(JSON.parse(next.stdout.toString())).toMatchObject([{ id: "killed-run", state: "interrupted" }]);
    expect((await lab.airlock(["ls"])).stderr).toBe("");
    expect((await lab.exec("killed-run", "cat made")).stdout.toString()).toBe("work\n");
    expect((await lab.airlock(["discard", "killed-run"])).code).toBe(0);
    await expectClean();
  });

  const points: Readonly<Record<string, (folder: string) => boolean | Promise<boolean>>> = {
    "its folder is made": (folder) => existsSync(folder),
    "its lock is taken": (folder) => existsSync(join(folder, "runner")),
    "its record is written": (folder) => existsSync(join(folder, "session.json")),
    "its volumes are made": async () => (await lab.held()).length > 0,
    "its container is made": async () => (await lab.held()).some((name) => name.endsWith("-1")),
  };
  it.each(Object.entries(points))(
    "while it starts, as soon as %s, leaves nothing that prune does not remove",
    async (_, reached) => {
      await lab.airlock(["run", "--on-exit", "discard", "--", "true"]);
      const folder = join(lab.home, "sessions", "half-made");
      await killWhen(lab.spawn(["run", "--name", "half-made", "--", "sleep", "300"]), () => reached(folder));
      // A folder whose lock names nobody may be of a command that is about to take it.
      const lock = join(folder, "runner");
      if (!existsSync(lock) || readFileSync(lock, "utf8") === "")
        execFileSync("touch", ["-d", "2 minutes ago", folder]);
      else
        expect((await lab.airlock(["ls"])).stderr).toMatch(
          /session half-made was (killed while it started|interrupted)/,
        );
      expect((await lab.airlock(["prune", "--yes"])).code).toBe(0);
      const listed = await lab.json<{ id: string; state: string }[]>(["ls", "--json"]);
      if (listed.length > 0) await lab.airlock(["discard", "half-made"]);
      await expectClean();
      expect((await lab.airlock(["ls"])).stderr).not.toContain("half-made");
      const again = await lab.airlock(["prune"]);
      expect([again.stdout.toString(), again.stderr]).toEqual(["nothing to prune\n", ""]);
    },
  );

  it("while it discards leaves a discard that prune finishes, whenever it was killed", async () => {
    for (const delay of [0, 20, 50, 90, 140]) {
      const id = await lab.start();
      const child = lab.spawn(["discard", id]);
      const end = ended(child);
      await until(() => child.exitCode !== null || readFileSync(recordPath(id), "utf8").includes('"discarding"'), 1);
      await sleep(delay);
      child.kill("SIGKILL");
      await end;
      const finish = await lab.airlock(["prune"]);
      expect(finish.code, finish.stderr).toBe(0);
      expect(await lab.held(id)).toEqual([]);
      expect(await stateOf(id)).toBe("discarded");
    }
    await expectClean();
  });

  it("during a snapshot leaves a sandbox that the next command lets go on", async () => {
    const id = await lab.start();
    await lab.exec(id, "for i in $(seq 4000); do echo $i > f$i; done");
    const name = `airlock-${id}-1`;
    await killWhen(
      lab.spawn(["snapshot", id]),
      async () => (await docker("inspect", "-f", "{{.State.Paused}}", name)) === "true",
    );
    expect(await stateOf(id)).toBe("paused");
    const { code, stdout, stderr } = await lab.exec(id, "cat f7");
    expect([code, stdout.toString(), stderr]).toEqual([0, "7\n", ""]);
    const again = await lab.airlock(["snapshot", id, "--json"]);
    expect(again.code, again.stderr).toBe(0);
    expect(await stateOf(id)).toBe("running");
  });

  it("during a snapshot does not keep the next snapshot or the discard from working", async () => {
    const id = await lab.start();
    await docker("pause", `airlock-${id}-1`);
    expect((await lab.airlock(["snapshot", id])).code).toBe(0);
    expect(await docker("inspect", "-f", "{{.State.Status}}", `airlock-${id}-1`)).toBe("running");
    await docker("pause", `airlock-${id}-1`);
    expect((await lab.airlock(["discard", id])).code).toBe(0);
    await expectClean();
  });
});

describe("what somebody else does to the engine", () => {
  it.each([
    ["kill", ["kill"], "stopped"],
    ["rm -f", ["rm", "-f"], "stopped"],
  ] as const)("docker %s in the middle of a run ends it, and its work is kept", async (_, command, state) => {
    const child = lab.spawn([
      "run",
      "--name",
      "taken-away",
      "--",
      "sh",
      "-c",
      "echo work > made; echo ready; sleep 300",
    ]);
    const end = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await docker(...command, "airlock-taken-away-1");
    const { code, stderr } = await end;
    expect(code).toBe(137);
    expect(stderr).toContain("kept session taken-away");
    expect(await stateOf("taken-away")).toBe(state);
    expect((await lab.exec("taken-away", "cat made")).stdout.toString()).toBe("work\n");
  });

  it("docker rm -f of a started session's container is noticed, and exec gives it another", async () => {
    const id = await lab.start();
    await lab.exec(id, "echo work > made");
    await docker("rm", "-f", `airlock-${id}-1`);
    await until(async () => (await stateOf(id)) !== "running");
    expect((await lab.exec(id, "cat made")).stdout.toString()).toBe("work\n");
    expect(await stateOf(id)).toBe("running");
  });

  it("the engine's removal of a layer's volume takes no work away", async () => {
    const { code } = await lab.airlock(["run", "--name", "volume-gone", "--", "sh", "-c", "echo work > made"]);
    expect(code).toBe(0);
    await docker("volume", "rm", "airlock-volume-gone-workspace", "airlock-volume-gone-home");
    const changes = await lab.json<{ changes: { path: string }[] }>(["diff", "--json", "--session", "volume-gone"]);
    expect(changes.changes.map(({ path }) => path)).toContain("made");
    expect((await lab.exec("volume-gone", "cat made")).stdout.toString()).toBe("work\n");
  });

  it("a stranger's volume or container with a session's name is neither used nor removed", async () => {
    await lab.airlock(["run", "--on-exit", "discard", "--", "true"]);
    await docker("volume", "create", "--label", "airlock.test=1", "airlock-squatted-home");
    const images = await lab.json<{ tags: string[]; current: boolean }[]>(["image", "ls", "--json"]);
    const image = images.find(({ current }) => current)?.tags[0] ?? "";
    await docker("create", "--label", "airlock.test=1", "--name", "airlock-occupied-1", image, "true");
    try {
      for (const name of ["squatted", "occupied"]) {
        const { code, stderr } = await lab.airlock(["run", "--name", name, "--", "true"]);
        expect(code).toBe(125);
        expect(stderr).toMatch(/exists already|already in use/);
        expect(existsSync(join(lab.home, "sessions", name))).toBe(false);
      }
      expect(await lab.held()).toEqual([]);
      expect(await docker("volume", "inspect", "-f", "{{.Name}}", "airlock-squatted-home")).toBe(
        "airlock-squatted-home",
      );
      expect(await docker("inspect", "-f", "{{.Name}}", "airlock-occupied-1")).toBe("/airlock-occupied-1");
    } finally {
      await docker("volume", "rm", "airlock-squatted-home");
      await docker("rm", "-f", "airlock-occupied-1");
    }
  });

  it("a session of another state folder with the same name is neither used nor removed, and is named", async () => {
    await using other = new Lab();
    await other.airlock(["run", "--name", "twice", "--", "sh", "-c", "echo theirs > work"]);
    const before = await other.held();
    const { code, stderr } = await lab.airlock(["run", "--name", "twice", "--", "cat", "work"]);
    expect(code).toBe(125);
    expect(stderr).toContain('the engine has a session "twice" of another state folder already');
    expect(stderr).toContain("give this one another --name");
    expect(existsSync(join(lab.home, "sessions", "twice"))).toBe(false);
    expect(await other.held()).toEqual(before);
    expect((await other.airlock(["diff", "--name-only"])).stdout.toString().trim()).toBe("work");
    expect((await other.airlock(["discard", "twice"])).code).toBe(0);
  });

  it("a stranger's plain volume with the store's name is not taken over", async () => {
    const store = `airlock-store-${await lab.homeId()}`;
    await docker("volume", "create", "--label", "airlock.test=1", store);
    try {
      const { code, stderr } = await lab.airlock(["run", "--", "true"]);
      expect(code).toBe(125);
      expect(stderr).toContain(`a volume that is not ours has the name ${store}`);
    } finally {
      await docker("volume", "rm", store);
    }
  });
});

describe("several commands at once", () => {
  it("the first commands of a state folder share one keeper", async () => {
    const ends = await Promise.all(
      [1, 2, 3, 4].map(() => lab.airlock(["run", "--on-exit", "discard", "--", "echo", "ok"])),
    );
    expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(4).fill({ code: 0, stderr: "" }));
    await expectClean();
  });

  it("on one session wait for each other: every snapshot is whole, and none has another's number", async () => {
    const id = await lab.start();
    await lab.exec(id, "echo one > made");
    const ends = await Promise.all([1, 2, 3].map(() => lab.airlock(["snapshot", id, "--json"])));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    const { snapshots } = await lab.json<{ snapshots: { id: string }[] }>(["snapshots", id, "--json"]);
    expect(snapshots.map((each) => each.id)).toEqual(["s0", "s1", "s2", "s3"]);
  });

  it("snapshot, restore, exec and discard of one session at once: each works or is told, and nothing is left", async () => {
    const id = await lab.start();
    await lab.exec(id, "echo one > made");
    expect((await lab.airlock(["snapshot", id])).code).toBe(0);
    const ends = await Promise.all([
      lab.airlock(["snapshot", id]),
      lab.airlock(["restore", `${id}/s1`]),
      lab.exec(id, "true"),
      lab.airlock(["restore", `${id}/s0`]),
      sleep(150).then(() => lab.airlock(["discard", id])),
      sleep(150).then(() => lab.airlock(["discard", id])),
    ]);
    for (const { code, stderr } of ends) {
      expect(stderr).not.toMatch(/defect in Airlock|\n\s+at /);
      if (code !== 0)
        expect(stderr).toMatch(/was discarded|no session|working on session|sandbox ended|removed|is not running/);
    }
    expect(ends.slice(4).map(({ code }) => code)).toEqual([0, expect.toBeOneOf([0, 10])]);
    await expectClean();
  });

  it("a restore during a run never leaves two sandboxes over one layer", async () => {
    const child = lab.spawn(["run", "--name", "restored", "--", "sh", "-c", "echo ready; sleep 300"]);
    const end = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    expect((await lab.airlock(["restore", "restored/s0"])).code).toBe(0);
    expect((await end).code).toBe(137);
    await lab.exec("restored", "true");
    expect((await lab.held("restored")).filter((name) => /-\d+$/.test(name))).toHaveLength(1);
  });

  it("a session that another process holds is told with that process's number", async () => {
    const id = await lab.start();
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${process.pid}/stat`, "utf8");
    const began = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    writeFileSync(join(lab.home, "sessions", id, "lock"), `${process.pid} ${boot}/${began}`);
    const { code, stderr } = await lab.airlock(["snapshot", id]);
    expect(code).toBe(11);
    expect(stderr).toContain(`process ${process.pid} is working on session ${id}`);
    writeFileSync(join(lab.home, "sessions", id, "lock"), `999999999 ${boot}/1`);
    expect((await lab.airlock(["snapshot", id])).code).toBe(0);
  });
});

describe("a damaged record", () => {
  it.each([
    ["cut short", (text: string) => text.slice(0, 300)],
    ["empty", () => ""],
    ["of a newer version", (text: string) => text.replace('"version": 1', '"version": 2')],
    ["with a field nobody knows", (text: string) => text.replace("{", '{"allow": "everything",')],
  ])("that is %s is refused, and its work is never taken for an orphan's", async (_, damage) => {
    const { code } = await lab.airlock(["run", "--name", "damaged", "--", "sh", "-c", "echo work > made"]);
    expect(code).toBe(0);
    await lab.airlock(["run", "--name", "whole", "--", "true"]);
    const text = readFileSync(recordPath("damaged"), "utf8");
    writeFileSync(recordPath("damaged"), damage(text));
    for (const command of [
      ["status", "damaged"],
      ["diff", "--session", "damaged"],
      ["discard", "damaged"],
      ["snapshot", "damaged"],
    ]) {
      const refused = await lab.airlock(command);
      expect(refused.code).toBe(15);
      expect(refused.stderr).toContain("session.json cannot be read");
    }
    expect((await lab.exec("damaged", "true")).code).toBe(125);
    const list = await lab.airlock(["ls", "--json"]);
    expect(list.stderr).toContain("session.json cannot be read");
    expect(JSON.parse(list.stdout.toString())).toMatchObject([{ id: "whole" }]);
    expect((await lab.airlock(["prune", "--yes"])).code).toBe(0);
    expect(await lab.stored()).toContain("damaged");
    writeFileSync(recordPath("damaged"), text);
    expect((await lab.exec("damaged", "cat made")).stdout.toString()).toBe("work\n");
  });

  it("of a killed session does not keep other commands from working", async () => {
    const child = lab.spawn(["run", "--name", "damaged", "--", "sleep", "300"]);
    await killWhen(
      child,
      () => existsSync(recordPath("damaged")) && readFileSync(recordPath("damaged"), "utf8").includes('"running"'),
    );
    writeFileSync(recordPath("damaged"), "{");
    const { code, stderr } = await lab.airlock(["run", "--on-exit", "discard", "--", "true"]);
    expect(code).toBe(0);
    expect(stderr).toContain("session.json cannot be read");
  });
});

describe("prune", () => {
  it("finds what a lost state folder left, asks before, and touches nothing that is not its own", async () => {
    const { code } = await lab.airlock(["run", "--name", "lost", "--", "sh", "-c", "echo work > made"]);
    expect(code).toBe(0);
    const held = await lab.start();
    await using other = new Lab();
    const foreign = await other.start();
    const stranger = `airlock-stranger-${process.pid}`;
    await docker("volume", "create", "--label", "airlock.test=1", stranger);
    renameSync(lab.home, `${lab.home}-moved`);
    mkdirSync(lab.home, { mode: 0o700 });
    const before = await lab.held();
    expect(before.length).toBeGreaterThan(3);

    const dry = await lab.airlock(["prune", "--dry-run"]);
    expect(dry.code).toBe(0);
    for (const id of ["lost", held]) expect(dry.stdout.toString()).toContain(id);
    expect(dry.stdout.toString()).not.toContain(foreign);
    const unasked = await lab.airlock(["prune"]);
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toContain("--yes");
    // The running session may have begun its census meanwhile.
    expect(await lab.held()).toEqual(expect.arrayContaining(before));

    const done = await lab.airlock(["prune", "--yes", "--json"]);
    expect(done.code).toBe(0);
    const { receipts } = JSON.parse(done.stdout.toString()) as { receipts: { session: string; clean: boolean }[] };
    expect(receipts.map(({ session, clean }) => [session, clean]).sort()).toEqual(
      [
        [held, true],
        ["lost", true],
      ].sort(),
    );
    await expectClean();
    expect((await other.exec(foreign, "echo alive")).stdout.toString()).toBe("alive\n");
    expect(await docker("volume", "rm", stranger)).toBe(stranger);
    expect(readdirSync(`${lab.home}-moved/sessions`).sort()).toEqual([held, "lost"].sort());
  });
});
