import { describe, expect, test } from "vitest";
import type { Bench } from "./engine-bench.js";

export function volumeSentences(bench: Bench): void {
  const nameOf = (word: string) => `airlock-test-${bench.token}-${word}`;
  const plain = (word: string) => ({ name: nameOf(word), labels: bench.labels, driverOptions: {} });
  const mount = (word: string, target: string, more = {}) => ({
    type: "volume" as const,
    source: nameOf(word),
    target,
    readOnly: false,
    noCopy: true,
    ...more,
  });

  describe("volumes", () => {
    test("are made, found by label, looked at and removed", async () => {
      const made = await bench.engine.createVolume(plain("one"));
      expect(made).toMatchObject({ name: nameOf("one"), driver: "local", labels: bench.labels, driverOptions: {} });
      expect(made.mountpoint).toMatch(/^\//);
      expect(await bench.engine.inspectVolume(nameOf("one"))).toEqual(made);
      expect((await bench.engine.listVolumes(bench.labels)).map(({ name }) => name)).toEqual([nameOf("one")]);
      expect(await bench.engine.removeVolume(nameOf("one"))).toBe(true);
      expect(await bench.engine.removeVolume(nameOf("one"))).toBe(true);
      expect(await bench.engine.inspectVolume(nameOf("one"))).toBeNull();
      expect(await bench.engine.inspectVolume("../info")).toBeNull();
    });

    test("one of the same name that mounts something else is refused", async () => {
      await bench.engine.createVolume(plain("same"));
      await bench.engine.createVolume(plain("same"));
      const other = { ...plain("same"), driverOptions: { type: "tmpfs", device: "tmpfs" } };
      await expect(bench.engine.createVolume(other)).rejects.toMatchObject({ code: "E_ENGINE_FAILED" });
      await bench.engine.removeVolume(nameOf("same"));
    });

    test("in use are not removed, and hold what was written", async () => {
      await bench.engine.createVolume(plain("used"));
      const id = await bench.start("sleep 300", { mounts: [mount("used", "/data")] });
      await bench.run(id, "echo written > /data/file");
      expect(await bench.engine.removeVolume(nameOf("used"))).toBe(false);
      expect((await bench.engine.inspectContainer(id))?.mounts).toMatchObject([
        { type: "volume", name: nameOf("used"), target: "/data", readOnly: false },
      ]);
      await bench.engine.removeContainer(id);
      const next = await bench.start("sleep 300", { mounts: [mount("used", "/data", { readOnly: true })] });
      expect((await bench.run(next, "cat /data/file; touch /data/no")).stdout).toBe("written\n");
      expect((await bench.run(next, "touch /data/no")).exitCode).toBe(1);
      await bench.engine.removeContainer(next);
      expect(await bench.engine.removeVolume(nameOf("used"))).toBe(true);
    });

    test.skipIf(bench.has("volume-no-copy"))("are filled from the image only when asked to", async () => {
      await bench.engine.createVolume(plain("filled"));
      await bench.engine.createVolume(plain("empty"));
      const filled = await bench.start("sleep 300", { mounts: [mount("filled", "/data", { noCopy: false })] });
      const empty = await bench.start("sleep 300", { mounts: [mount("empty", "/data")] });
      expect((await bench.run(filled, "ls /data")).stdout).toBe("from-image\n");
      expect((await bench.run(empty, "ls /data")).stdout).toBe("");
      for (const id of [filled, empty]) await bench.engine.removeContainer(id);
      for (const word of ["filled", "empty"]) await bench.engine.removeVolume(nameOf(word));
    });

    test.skipIf(bench.has("overlay-volume"))("mount an overlay over folders of another volume", async () => {
      const { mountpoint } = await bench.engine.createVolume(plain("store"));
      const writer = await bench.start("sleep 300", { mounts: [mount("store", "/store")] });
      await bench.run(writer, "mkdir -p /store/lower /store/upper /store/work && echo base > /store/lower/file");
      const options = ["lowerdir", "upperdir", "workdir"].map(
        (option) => `${option}=${mountpoint}/${option.slice(0, -3)}`,
      );
      await bench.engine.createVolume({
        ...plain("overlay"),
        driverOptions: { type: "overlay", device: "overlay", o: `nosuid,nodev,${options.join(",")}` },
      });
      const reader = await bench.start("sleep 300", { mounts: [mount("overlay", "/work")] });
      expect((await bench.run(reader, "cat /work/file && echo more >> /work/file && cat /work/file")).stdout).toBe(
        "base\nbase\nmore\n",
      );
      expect((await bench.run(writer, "cat /store/lower/file; ls /store/upper")).stdout).toBe("base\nfile\n");
      for (const id of [reader, writer]) await bench.engine.removeContainer(id);
      for (const word of ["overlay", "store"]) expect(await bench.engine.removeVolume(nameOf(word))).toBe(true);
    });
  });
}
