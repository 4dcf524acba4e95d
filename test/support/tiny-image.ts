import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { writeTar } from "./tar-bytes.js";

const run = promisify(execFile);
const cache = join(tmpdir(), "airlock-test-busybox");

/** The programs the suites use; all of them are the one static busybox. */
const applets =
  "cat dd od echo env false head id ip kill ls mkdir mount printf ps pwd rm seq sh sha256sum sleep stty tail test touch true wc yes";

async function busyboxFile(): Promise<string> {
  const file = join(cache, "busybox");
  if (
    await stat(file).then(
      () => true,
      () => false,
    )
  )
    return file;
  const folder = await mkdtemp(join(tmpdir(), "airlock-test-fetch-"));
  try {
    await run("apt-get", ["download", "busybox-static"], { cwd: folder });
    const deb = (await readdir(folder)).find((name) => name.endsWith(".deb")) ?? "missing.deb";
    await run("dpkg-deb", ["-x", deb, "root"], { cwd: folder });
    await mkdir(cache, { recursive: true });
    const found = await Promise.any(
      ["bin/busybox", "usr/bin/busybox"].map(async (path) => {
        await stat(join(folder, "root", path));
        return join(folder, "root", path);
      }),
    );
    await copyFile(found, `${file}.${process.pid}`);
    await chmod(`${file}.${process.pid}`, 0o755);
    await rename(`${file}.${process.pid}`, file);
    return file;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A tar stream of a root file system of 2 MB with a shell in it: small enough to give each engine its own. */
export async function tinyRoot(): Promise<Readable> {
  const busybox = await readFile(await busyboxFile());
  return Readable.from([
    writeTar([
      { path: "bin/", mode: 0o755 },
      { path: "bin/busybox", mode: 0o755, content: busybox },
      ...applets.split(" ").map((name) => ({ path: `bin/${name}`, mode: 0o777, target: "busybox" })),
      { path: "etc/", mode: 0o755 },
      { path: "etc/passwd", mode: 0o644, content: "root:x:0:0::/:/bin/sh\nagent:x:1000:1000::/home:/bin/sh\n" },
      { path: "etc/group", mode: 0o644, content: "root:x:0:\nagent:x:1000:\n" },
      { path: "data/", mode: 0o755 },
      { path: "data/from-image", mode: 0o644, content: "image" },
      { path: "tmp/", mode: 0o777 },
      { path: "proc/", mode: 0o755 },
      { path: "dev/", mode: 0o755 },
      { path: "sys/", mode: 0o755 },
    ]),
  ]);
}
