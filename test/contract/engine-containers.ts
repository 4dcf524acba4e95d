import { describe, expect, test } from "vitest";
import type { Bench } from "./engine-bench.js";
import { readBoth } from "./engine-bench.js";

export function containerSentences(bench: Bench): void {
  describe("containers", () => {
    test("end with the exit code of their process, also when it is over at once", async () => {
      for (const code of [0, 3, 255]) {
        const id = await bench.create(`exit ${code}`);
        const ended = bench.engine.waitContainer(id);
        await bench.engine.startContainer(id);
        expect(await ended).toEqual({ exitCode: code });
        expect(await bench.engine.inspectContainer(id)).toMatchObject({ status: "exited", exitCode: code });
        expect(await bench.engine.removeContainer(id)).toBe(true);
      }
    });

    test("attached before their start lose no byte of either output", async () => {
      const id = await bench.create("echo out; echo err >&2; exit 4");
      await using streams = await bench.engine.attachContainer(id, { tty: false });
      const ended = bench.engine.waitContainer(id);
      await bench.engine.startContainer(id);
      expect((await readBoth(streams)).map(String)).toEqual(["out\n", "err\n"]);
      expect(await ended).toEqual({ exitCode: 4 });
      await bench.engine.removeContainer(id);
    });

    test("see the end of their stdin when it is half-closed, and still answer", async () => {
      const id = await bench.create("wc -c; echo after", { openStdin: true });
      await using streams = await bench.engine.attachContainer(id, { tty: false });
      await bench.engine.startContainer(id);
      streams.stdin.end(Buffer.alloc(300_000, 7));
      expect((await readBoth(streams)).map(String)).toEqual(["300000\nafter\n", ""]);
      await bench.engine.removeContainer(id);
    });

    test("have no network, no capability, no way to new privileges, and only what was asked for", async () => {
      const id = await bench.start("sleep 300", { environment: ["ONLY=this", "PATH=/bin"], hostname: "inside" });
      const status = (await bench.run(id, "cat /proc/1/status")).stdout;
      expect(status).toMatch(/CapEff:\s+0{16}\n/);
      expect(status).toMatch(/CapBnd:\s+0{16}\n/);
      expect(status).toMatch(/NoNewPrivs:\s+1\n/);
      expect(status).toMatch(/Seccomp:\s+2\n/);
      expect((await bench.run(id, "ls /sys/class/net")).stdout.trim().split("\n")).toEqual(["lo"]);
      expect((await bench.run(id, "touch /x")).exitCode).toBe(1);
      expect((await bench.run(id, "cat /proc/1/environ")).stdout).toContain("ONLY=this\0");
      const raw = (await bench.engine.inspectContainer(id))?.raw;
      expect(raw).toMatchObject({
        HostConfig: {
          NetworkMode: "none",
          ReadonlyRootfs: true,
          Memory: 256 << 20,
          PidsLimit: 64,
          NanoCpus: 1_000_000_000,
        },
        Config: { Hostname: "inside", WorkingDir: "/" },
      });
      await bench.engine.removeContainer(id);
    });

    test("have their paths masked, a log driver that keeps nothing", async () => {
      const id = await bench.start("sleep 300", { maskedPaths: ["/data"], readOnlyPaths: ["/proc/sys"] });
      expect((await bench.run(id, "ls /data")).stdout).toBe("");
      const shown = bench.has("masked-paths-shown") ? {} : { MaskedPaths: ["/data"], ReadonlyPaths: ["/proc/sys"] };
      expect((await bench.engine.inspectContainer(id))?.raw).toMatchObject({
        HostConfig: { LogConfig: { Type: "none" }, ...shown },
      });
      await bench.engine.removeContainer(id);
    });

    test("are found by all of their labels, and by nothing less", async () => {
      const labels = { ...bench.labels, "airlock.test.kind": "one" };
      const id = await bench.create("true", { labels });
      expect(await bench.engine.listContainers(labels)).toMatchObject([{ id, labels, status: "created" }]);
      expect(await bench.engine.listContainers({ ...labels, "airlock.test.kind": "two" })).toEqual([]);
      await bench.engine.removeContainer(id);
    });

    test("are found by name, and null when they do not exist", async () => {
      const name = `airlock-test-${bench.token}-named`;
      const id = await bench.create("true", { name });
      expect(await bench.engine.inspectContainer(name)).toMatchObject({ id, name, image: expect.any(String) });
      await bench.engine.removeContainer(name);
      expect(await bench.engine.inspectContainer(name)).toBeNull();
      expect(await bench.engine.inspectContainer("../images")).toBeNull();
    });

    test("of a name that is taken are refused", async () => {
      const name = `airlock-test-${bench.token}-taken`;
      const id = await bench.create("true", { name });
      await expect(bench.create("true", { name })).rejects.toMatchObject({ code: "E_ENGINE_FAILED" });
      await bench.engine.removeContainer(id);
    });

    test("are killed by the signal asked for", async () => {
      const id = await bench.create("trap 'exit 9' USR1; echo up; while :; do sleep 0.1; done");
      await using streams = await bench.engine.attachContainer(id, { tty: false });
      const ended = bench.engine.waitContainer(id);
      await bench.engine.startContainer(id);
      for await (const _up of streams.stdout) break;
      await bench.engine.killContainer(id, "SIGUSR1");
      expect(await ended).toEqual({ exitCode: 9 });
      await bench.engine.killContainer(id);
      await bench.engine.removeContainer(id);
    });

    test("tell what they use while they run, and nothing when they are gone", async () => {
      const id = await bench.start("while :; do :; done");
      const first = await bench.engine.containerStats(id);
      await expect
        .poll(async () => (await bench.engine.containerStats(id))?.cpuNanoseconds, { timeout: 20_000 })
        .toBeGreaterThan(first?.cpuNanoseconds ?? Number.POSITIVE_INFINITY);
      await bench.engine.removeContainer(id);
      expect(await bench.engine.containerStats(id)).toBeNull();
    });

    test("are paused and go on", async () => {
      const id = await bench.start("sleep 300");
      await bench.engine.pauseContainer(id);
      expect((await bench.engine.inspectContainer(id))?.status).toBe("paused");
      await expect(bench.run(id, "true")).rejects.toMatchObject({ code: "E_ENGINE_FAILED" });
      await bench.engine.unpauseContainer(id);
      expect((await bench.run(id, "true")).exitCode).toBe(0);
      await bench.engine.removeContainer(id);
    });

    test("are removed while they run, by several at once, and when they are gone already", async () => {
      const id = await bench.start("sleep 300");
      const removals = [1, 2, 3].map(() => bench.engine.removeContainer(id));
      expect(await Promise.all(removals)).toEqual([true, true, true]);
      expect(await bench.engine.removeContainer(id)).toBe(true);
      expect(await bench.engine.inspectContainer(id)).toBeNull();
    });

    test("stop being waited for when the caller says so", async () => {
      const id = await bench.create("true");
      const stop = new AbortController();
      const ended = bench.engine.waitContainer(id, stop.signal);
      setTimeout(() => stop.abort(), 50);
      await expect(ended).rejects.toMatchObject({ code: "E_CANCELLED" });
      await bench.engine.removeContainer(id);
    });

    test("that cannot be started say why", async () => {
      const id = await bench.create("true", { entrypoint: ["/no/such/program"] });
      await expect(bench.engine.startContainer(id)).rejects.toMatchObject({
        code: "E_ENGINE_FAILED",
        message: expect.stringContaining("/no/such/program"),
      });
      await bench.engine.removeContainer(id);
    });
  });
}
