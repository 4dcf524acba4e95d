import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Result } from "../support/cli.js";
import { Lab } from "../support/lab.js";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const run = (options: readonly string[], command: readonly string[]): Promise<Result> =>
  lab.airlock(["run", "--on-exit", "discard", ...options, "--", ...command]);

async function expectNothingLeft(): Promise<void> {
  expect(await lab.held()).toEqual([]);
  expect(await lab.stored()).toEqual([]);
}

// Every file is smaller than the limit, which the kernel would enforce for one file; all of them together are not.
const holding = (keep: string, folder = "."): string => `
import array, ctypes, mmap, os, socket, threading, time
def big(n):
    path = "${folder}/f%d" % n
    f = os.open(path, os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(f, 0, 15_000_000)
    os.unlink(path)
    return f
kept = []
for n in range(4):
    ${keep.split("\n").join("\n    ")}
time.sleep(float(os.environ.get("LONG", "30")))
`;

const ways: Readonly<Record<string, string>> = {
  "files that it deleted and holds open": holding("kept.append(big(n))"),
  "files that never had a name": holding(
    "f = os.open('.', os.O_TMPFILE | os.O_RDWR)\nos.posix_fallocate(f, 0, 15_000_000)\nkept.append(f)",
  ),
  "deleted files that are only mapped": holding("f = big(n)\nkept.append(mmap.mmap(f, 4096))\nos.close(f)"),
  "deleted files of a process that hides its own": holding(
    "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\nkept.append(big(n))",
  ),
  "deleted files in its home": holding("kept.append(big(n))", "/home/agent"),
  "deleted files of threads with tables of their own": holding(
    "def hold():\n    ctypes.CDLL(None).unshare(0x400)\n    f = big(n)\n    time.sleep(60)\nthreading.Thread(target=hold, daemon=True).start()",
  ),
};

describe("the limit on the disk counts", () => {
  it.each(Object.entries(ways))("%s", async (_, script) => {
    const [small, large] = await Promise.all([
      run(["--disk", "20m"], ["python3", "-c", script]),
      run(["--disk", "2g", "--env", "LONG=6"], ["python3", "-c", script]),
    ]);
    expect(small.stderr).toMatch(
      /the command was stopped: disk: it wrote \d+ MiB, \d+ MiB of it outside its layers, the limit is 20 MiB/,
    );
    expect(small.code).toBe(137);
    expect(large, large.stderr).toMatchObject({ code: 0 });
    await expectNothingLeft();
  });

  it("files in a socket that nobody receives, by ending who keeps them there", async () => {
    const script = holding(
      "a, b = socket.socketpair()\nf = big(n)\na.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [f]))])\nos.close(f)\nkept.append((a, b))",
    );
    const { code, stderr } = await run(["--disk", "20m"], ["python3", "-c", script]);
    expect(stderr).toContain("disk: it keeps open files in a socket where they cannot be counted");
    expect(code).toBe(137);
    await expectNothingLeft();
  });

  it.each([
    ["written", "for i in 1 2 3; do head -c 15M /dev/zero > /var/lib/f$i; done"],
    ["set aside without a size", "for i in 1 2 3; do touch /opt/f$i; fallocate -n -l 15M /opt/f$i; done"],
    ["of very many small files", "mkdir /opt/d; for i in $(seq 12000); do echo > /opt/d/$i; done"],
    ["taken from the image and changed", "cp -a /usr/lib/python3 /opt/p; find /usr/lib -type f -exec touch {} +"],
  ])("what is %s in the container's own root", async (_, script) => {
    const command = ["bash", "-c", `${script}; sleep "\${LONG:-30}"`];
    const [small, large] = await Promise.all([
      run(["--user", "root", "--disk", "20m"], command),
      run(["--user", "root", "--disk", "2g", "--env", "LONG=6"], command),
    ]);
    expect(small.stderr).toMatch(/the command was stopped: disk: it wrote \d+ MiB.*, the limit is 20 MiB/);
    expect(small.code).toBe(137);
    expect(large, large.stderr).toMatchObject({ code: 0 });
    await expectNothingLeft();
  });

  it("nothing of the image that a writable root only reads", async () => {
    const reads = ["bash", "-c", "find / -xdev -type f -print0 | head -z -n 3000 | xargs -0 cat >/dev/null; sleep 5"];
    const { code, stderr } = await run(["--user", "root", "--disk", "20m"], reads);
    expect({ code, stderr: stderr.replace(/cat: .*\n/g, "") }).toMatchObject({ code: 0 });
  });
});

describe("who counts", () => {
  it("is not to be silenced for long by a sandbox that has no process left to give", async () => {
    const script = `${holding("kept.append(big(n))").replace("time.sleep", "[os.fork() or time.sleep(60) for _ in range(60)]\ntime.sleep")}`;
    const { stderr } = await run(["--disk", "20m", "--pids", "64"], ["python3", "-c", script]);
    expect(stderr).toMatch(/the command was stopped: disk: it wrote \d+ MiB, \d+ MiB of it outside its layers/);
  });

  it("holds no file open for an agent to use, and cannot be looked into by root inside", async () => {
    const script = `sleep 5; for p in /proc/[0-9]*; do [ "$(tr '\\0' ' ' < $p/cmdline)" = "/airlock/init census " ] || [ "$(cut -c1-20 < $p/cmdline | tr '\\0' ' ')" = "/airlock/init census" ] || continue
echo found; ls $p/root $p/cwd/ 2>&1; cat $p/environ $p/maps; (: > $p/fd/1) 2>&1; done; true`;
    const { stdout, stderr } = await run(["--user", "root", "--disk", "1g"], ["bash", "-c", script]);
    const seen = stdout.toString();
    expect(seen).toContain("found");
    expect(seen).toMatch(/root': Permission denied/);
    expect(seen).toMatch(/fd\/1: Permission denied/);
    expect(seen).not.toMatch(/libc|heap|stack|HOSTNAME/);
    expect(stderr).toContain("Permission denied");
  });
});
