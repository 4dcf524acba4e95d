import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecRequest } from "../../src/model/engine.js";
import { type Bench, readAll, readBoth } from "./engine-bench.js";

/** `bytes` of noise in pieces; the same piece again and again, as making noise is slower than sending it. */
async function* noise(bytes: number): AsyncGenerator<Buffer> {
  const piece = randomBytes(1 << 20);
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length));
}

/** The most memory that was in use while `act` ran, over what was in use before it. */
async function growthDuring(act: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  await act();
  clearInterval(watch);
  return most - before;
}

export function streamSentences(bench: Bench): void {
  describe("execs", () => {
    let id = "";
    const open = (line: string, changes: Partial<ExecRequest> = {}) =>
      bench.engine.exec({ container: id, command: ["/bin/sh", "-c", line], tty: false, ...changes });

    beforeAll(async () => {
      id = await bench.start("sleep 3600", { nanoCpus: 0, tmpfs: { "/tmp": "rw,size=1m" } });
    });
    afterAll(() => bench.engine.removeContainer(id));

    test("keep their outputs apart and give their exit code", async () => {
      expect(await bench.run(id, "echo out; echo err >&2; exit 42")).toEqual({
        stdout: "out\n",
        stderr: "err\n",
        exitCode: 42,
      });
      expect((await bench.run(id, "kill -9 $$")).exitCode).toBe(137);
    });

    test("run as the user and in the folder asked for", async () => {
      const { stdout } = await bench.run(id, "id -u; pwd", { user: "1000:1000", workingDirectory: "/data" });
      expect(stdout).toBe("1000\n/data\n");
    });

    test("pass every byte both ways", async () => {
      const sent = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), randomBytes(1_000_000)]);
      await using exec = await open("cat; cat /proc/self/comm >&2");
      exec.stdin.end(sent);
      const [stdout, stderr] = await readBoth(exec);
      expect(createHash("sha256").update(stdout).digest("hex")).toBe(createHash("sha256").update(sent).digest("hex"));
      expect(stderr.toString()).toBe("cat\n");
      expect(await exec.exitCode()).toBe(0);
    });

    test("of a program that is not there fail with 126 or 127, or say so", async () => {
      const failure = async () => {
        await using exec = await bench.engine.exec({ container: id, command: ["/no/such"], tty: false });
        exec.stdin.end();
        await readBoth(exec);
        return await exec.exitCode();
      };
      const code = await failure().catch((error: { code?: string }) => error.code);
      expect([126, 127, "E_ENGINE_FAILED"]).toContain(code);
    });

    test("in a container that is not there or does not run are refused", async () => {
      const stopped = await bench.create("true");
      for (const container of ["airlock-test-none", stopped]) {
        const exec = bench.engine.exec({ container, command: ["true"], tty: false });
        await expect(exec).rejects.toMatchObject({ code: "E_ENGINE_FAILED" });
      }
      await bench.engine.removeContainer(stopped);
    });

    test("may be many at once", async () => {
      const runs = await Promise.all(Array.from({ length: 16 }, (_, at) => bench.run(id, `echo ${at}; exit ${at}`)));
      expect(runs.map(({ stdout, exitCode }) => [stdout, exitCode])).toEqual(runs.map((_, at) => [`${at}\n`, at]));
    });

    test("that end without reading their input end well for who writes it", async () => {
      await using exec = await open("head -c 3; exit 5");
      const written = pipeline(Readable.from(noise(64 << 20)), exec.stdin).catch(() => undefined);
      const [stdout] = await readBoth(exec);
      await written;
      expect(stdout).toHaveLength(3);
      expect(await exec.exitCode()).toBe(5);
    });

    test("pass a large stream out in bounded memory", async () => {
      await using exec = await open(`dd if=/dev/zero bs=65536 count=${bench.under.bulkBytes / 65536} 2>/dev/null`);
      let bytes = 0;
      const growth = await growthDuring(async () => {
        for await (const chunk of exec.stdout) bytes += (chunk as Buffer).length;
      });
      expect(bytes).toBe(bench.under.bulkBytes);
      expect(growth).toBeLessThan(96 << 20);
    });

    test("pass a large stream in, in bounded memory", async () => {
      await using exec = await open("wc -c");
      const growth = await growthDuring(() => pipeline(Readable.from(noise(bench.under.bulkBytes)), exec.stdin));
      expect((await readAll(exec.stdout)).toString().trim()).toBe(String(bench.under.bulkBytes));
      expect(growth).toBeLessThan(96 << 20);
    });

    test("wait for a reader that is slow", async () => {
      await using exec = await open("yes | head -c 300000000; echo done >&2");
      let bytes = 0;
      const growth = await growthDuring(async () => {
        await sleep(500);
        expect(exec.stdout.readableLength).toBeLessThan(1 << 20);
        expect(exec.stderr?.readableLength).toBe(0);
      });
      expect(growth).toBeLessThan(64 << 20);
      for await (const chunk of exec.stdout) bytes += (chunk as Buffer).length;
      expect(bytes).toBe(300_000_000);
      expect((await readAll(exec.stderr)).toString()).toBe("done\n");
    });

    test("whose one output is given up still deliver the other", async () => {
      await using exec = await open("yes | head -c 5000000 >&2; echo out");
      exec.stderr?.destroy();
      expect((await readAll(exec.stdout)).toString()).toBe("out\n");
    });

    test("with a terminal have its size, its raw bytes and one output", async () => {
      await using exec = await open("stty raw -echo; echo ready; head -c 5 | od -An -tx1; stty size", { tty: true });
      expect(exec.stderr).toBeNull();
      await exec.resize({ columns: 123, rows: 45 });
      let seen = "";
      for await (const chunk of exec.stdout) {
        seen += String(chunk);
        // Ctrl-P, Ctrl-Q and Ctrl-C: nobody on the way takes them for himself.
        // And a terminal that is told "no more input" stays: it has no end of file.
        if (seen.includes("ready") && !exec.stdin.writableEnded) exec.stdin.end(Buffer.from([16, 17, 3, 0, 255]));
      }
      expect(seen).toMatch(/10 11 03 00 ff/);
      expect(seen).toMatch(/45 123/);
      expect(await exec.exitCode()).toBe(0);
    });

    test("deliver the last key typed into a terminal at once", async () => {
      for (const key of [16, 17, 0, 27, 255]) {
        await using exec = await open("stty raw -echo; echo ready; head -c 1 | od -An -tx1", { tty: true });
        let seen = "";
        for await (const chunk of exec.stdout) {
          if (!seen.includes("ready") && String(chunk).includes("ready")) exec.stdin.write(Buffer.from([key]));
          seen += String(chunk);
        }
        expect(seen).toContain(key.toString(16).padStart(2, "0"));
      }
    });

    test("are closed by disposing them, and do not hold up who asks for their exit code", async () => {
      const exec = await open("sleep 200");
      const exitCode = exec.exitCode();
      await exec[Symbol.asyncDispose]();
      await exec[Symbol.asyncDispose]();
      expect(exec.stdout.destroyed && exec.stdin.destroyed).toBe(true);
      expect(await exitCode).toBeNull();
    });
  });

  describe("terminals of containers", () => {
    test("take every key, resize, and end with their process", async () => {
      const line = "stty raw -echo; echo ready; head -c 3 | od -An -tx1; stty size; exit 6";
      const id = await bench.create(line, { tty: true, openStdin: true });
      await using streams = await bench.engine.attachContainer(id, { tty: true });
      const ended = bench.engine.waitContainer(id);
      await bench.engine.startContainer(id);
      await bench.engine.resizeContainer(id, { columns: 99, rows: 33 });
      let seen = "";
      for await (const chunk of streams.stdout) {
        if (!seen.includes("ready") && String(chunk).includes("ready")) streams.stdin.write(Buffer.from([16, 17, 16]));
        seen += String(chunk);
      }
      expect(seen).toContain("10 11 10");
      expect(seen).toContain("33 99");
      expect(await ended).toEqual({ exitCode: 6 });
      await bench.engine.resizeContainer(id, { columns: 99, rows: 33 });
      await bench.engine.removeContainer(id);
    });
  });
}
