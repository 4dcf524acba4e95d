import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { writeTar } from "../support/tar-bytes.js";
import type { Bench } from "./engine-bench.js";

function contextOf(dockerfile: string): Readable {
  return Readable.from([writeTar([{ path: "Dockerfile", mode: 0o644, content: dockerfile }])]);
}

export function imageSentences(bench: Bench): void {
  describe("images", () => {
    test("says what it is and what it can do", async () => {
      const facts = await bench.engine.facts();
      expect(["docker", "podman"]).toContain(facts.product);
      expect(facts.version).toMatch(/^\d+\.\d+/);
      expect(Number(facts.apiVersion.split(".")[1])).toBeGreaterThanOrEqual(40);
      expect(["amd64", "arm64"]).toContain(facts.architecture);
      expect(facts.runtimes).toContain(facts.defaultRuntime);
      expect(facts.memoryBytes).toBeGreaterThan(1 << 26);
      expect(facts.dataRoot).toMatch(/^\//);
    });

    test("imports a root file system as an image with its labels", async () => {
      const image = await bench.engine.inspectImage(bench.image);
      expect(image?.labels).toEqual(bench.labels);
      expect(image?.id).toMatch(/^(sha256:)?[0-9a-f]{64}$/);
      expect(image?.sizeBytes).toBeGreaterThan(1_000_000);
      expect(image?.volumes).toEqual([]);
      expect((await bench.engine.listImages(bench.labels)).map(({ id }) => id)).toEqual([image?.id]);
      expect(await bench.engine.listImages({ "airlock.test.run": "none" })).toEqual([]);
    });

    test("an image that is not there is null, its removal is done already", async () => {
      expect(await bench.engine.inspectImage("airlock-test/none:1")).toBeNull();
      expect(await bench.engine.inspectImage("../../containers")).toBeNull();
      expect(await bench.engine.removeImage("airlock-test/none:1")).toBe(true);
    });

    test("never pulls for a container: a missing image is E_IMAGE_MISSING", async () => {
      await expect(bench.create("true", { image: "airlock-test/none:1" })).rejects.toMatchObject({
        code: "E_IMAGE_MISSING",
        hint: expect.stringContaining("airlock image build"),
      });
    });

    test("pulling what no registry has is E_IMAGE_MISSING", async () => {
      const pull = bench.engine.pullImage("localhost:1/airlock-test/none:1", () => undefined);
      await expect(pull).rejects.toMatchObject({ code: "E_IMAGE_MISSING" });
    });

    test("builds an image from a context, with its lines, labels, arguments and volumes", async () => {
      const lines: string[] = [];
      const tag = `airlock-test/built:${bench.token}`;
      const dockerfile = `FROM ${bench.image}\nARG WORD\nENV SAID=$WORD\nRUN echo "building $WORD"\nRUN echo net $(ls /sys/class/net)\nVOLUME /data\n`;
      const id = await bench.engine.buildImage({
        context: contextOf(dockerfile),
        tag,
        labels: { ...bench.labels, quoted: 'a "b" $c' },
        buildArguments: { WORD: "hello" },
        onLine: (line) => lines.push(line),
      });
      const image = await bench.engine.inspectImage(tag);
      expect(image).toMatchObject({ id, volumes: ["/data"], labels: { ...bench.labels, quoted: 'a "b" $c' } });
      expect(image?.environment).toContain("SAID=hello");
      expect(lines).toContain("building hello");
      // Package managers need a network while building, so there is more than the loopback.
      expect(lines.find((line) => line.startsWith("net "))?.split(" ").length).toBeGreaterThan(2);
      expect(await bench.engine.removeImage(tag)).toBe(true);
      expect(await bench.engine.inspectImage(tag)).toBeNull();
    });

    test("a failing build names the step and leaves no container", async () => {
      const build = bench.engine.buildImage({
        context: contextOf(`FROM ${bench.image}\nRUN echo fine\nRUN exit 7\n`),
        tag: `airlock-test/failing:${bench.token}`,
        labels: bench.labels,
        buildArguments: {},
        onLine: () => undefined,
      });
      await expect(build).rejects.toMatchObject({ code: "E_IMAGE_BUILD", message: expect.stringMatching(/exit 7/) });
      expect(await bench.engine.listContainers(bench.labels)).toEqual([]);
    });

    test("a build can be cancelled", async () => {
      const stop = new AbortController();
      const build = bench.engine.buildImage({
        context: contextOf(`FROM ${bench.image}\nRUN echo started; sleep 100\n`),
        tag: `airlock-test/cancelled:${bench.token}`,
        labels: bench.labels,
        buildArguments: {},
        onLine: (line) => {
          if (line === "started") stop.abort();
        },
        signal: stop.signal,
      });
      await expect(build).rejects.toMatchObject({ code: "E_CANCELLED" });
    });

    test("commits a container's own file system", async () => {
      const id = await bench.start("echo kept > /data/kept; sleep 300", { readOnlyRoot: false });
      const image = { repository: "airlock-test/committed", tag: bench.token, labels: bench.labels };
      await bench.run(id, "while [ ! -e /data/kept ]; do sleep 0.05; done");
      await bench.engine.commitContainer(id, image);
      const next = await bench.start("sleep 300", { image: `airlock-test/committed:${bench.token}` });
      expect((await bench.run(next, "cat /data/kept")).stdout).toBe("kept\n");
      for (const container of [id, next]) await bench.engine.removeContainer(container);
      expect(await bench.engine.removeImage(`airlock-test/committed:${bench.token}`)).toBe(true);
    });
  });
}
