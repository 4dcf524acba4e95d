import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const pinned = `debian:bookworm-20260824-slim@sha256:${"a".repeat(64)}`;

/** The sha512 that npm would name for a text. */
export function integrityOfText(text: string): string {
  return `sha512-${createHash("sha512").update(text).digest("base64")}`;
}

/** A small installed package: the folders that the image is made of, and a folder of fake programs for PATH. */
export class PackageFixture implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "airlock-package-"));
  readonly programs = join(this.root, "programs");

  constructor() {
    this.write("images/sandbox/Dockerfile", `ARG BASE=${pinned}\nFROM \${BASE}\n`);
    this.write("images/sandbox/packages.txt", "git\n");
    this.write("init/main.c", "int main(void) { return 0; }\n");
    this.write("hatch/main.c", "int main(void) { return 0; }\n");
    this.write("toolserver/main.c", "int main(void) { return 0; }\n");
    this.write("keeper/main.py", "pass\n");
    const entry = { package: "node-x", integrity: integrityOfText("node") };
    this.write(
      "images/sandbox/node.lock.json",
      JSON.stringify({
        node: { version: "1.0.0", amd64: entry, arm64: { ...entry, package: "node-arm" } },
        npm: { package: "npm", version: "2.0.0", integrity: integrityOfText("npm") },
      }),
    );
    mkdirSync(this.programs);
  }

  write(path: string, content: string): void {
    const full = join(this.root, path);
    mkdirSync(join(full, ".."), { recursive: true });
    writeFileSync(full, content);
  }

  /** Puts a shell script on the fixture's PATH. */
  program(name: string, script: string): void {
    this.write(join("programs", name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.programs, name), 0o755);
  }

  /** What replaces `images/base/make-rootfs`. */
  makeRootfs(script: string): void {
    this.write("images/base/make-rootfs", `#!/bin/sh\n${script}\n`);
  }

  get env(): Record<string, string> {
    return { PATH: `${this.programs}:/usr/bin:/bin` };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
