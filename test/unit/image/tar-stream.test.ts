import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tarStream } from "../../../src/image/tar-stream.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-tar-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function unpack(tar: Buffer): void {
  execFileSync("tar", ["-xf", "-", "-C", folder], { input: tar });
}

describe("the stream of a build context", () => {
  it("is unpacked by tar to the same bytes and modes, from memory and from disk", async () => {
    const large = join(folder, "large");
    writeFileSync(large, Buffer.alloc(300_001, 7));
    const tar = await buffer(
      tarStream([
        { name: "init/main.c", executable: false, content: Buffer.from("int main;\n") },
        { name: "run", executable: true, content: Buffer.alloc(512, 1) },
        { name: "empty", executable: false, content: Buffer.alloc(0) },
        { name: "copy", executable: false, content: { path: large, size: 300_001 } },
      ]),
    );
    unpack(tar);
    expect(readFileSync(join(folder, "init/main.c"), "utf8")).toBe("int main;\n");
    expect(readFileSync(join(folder, "run"))).toEqual(Buffer.alloc(512, 1));
    expect(statSync(join(folder, "run")).mode & 0o777).toBe(0o755);
    expect(statSync(join(folder, "empty")).size).toBe(0);
    expect(readFileSync(join(folder, "copy"))).toEqual(Buffer.alloc(300_001, 7));
    expect(tar.length % 512).toBe(0);
  });

  it("holds any content exactly", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1, maxLength: 4 }),
        async (contents) => {
          const files = contents.map((content, index) => ({
            name: `f${index}`,
            executable: false,
            content: Buffer.from(content),
          }));
          unpack(await buffer(tarStream(files)));
          for (const { name, content } of files) expect(readFileSync(join(folder, name))).toEqual(content);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("is the same bytes for the same files, so that the engine's cache is used", async () => {
    const files = [{ name: "a", executable: false, content: Buffer.from("x") }];
    expect(await buffer(tarStream(files))).toEqual(await buffer(tarStream(files)));
  });

  it("refuses a name that does not fit a header instead of cutting it", async () => {
    const file = { name: "n".repeat(101), executable: false, content: Buffer.alloc(0) };
    await expect(buffer(tarStream([file]))).rejects.toThrow(/too long/);
  });
});
