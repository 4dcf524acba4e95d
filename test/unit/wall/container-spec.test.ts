import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildSandboxRequest, maskedPaths, readOnlyPaths } from "../../../src/wall/container-spec.js";
import { specimenSpec } from "./specimen.js";

const build = (changes: Parameters<typeof specimenSpec>[0] = {}) => buildSandboxRequest(specimenSpec(changes));

describe("the container of a sandbox", () => {
  it("starts our program as the caller's numeric user on a read-only root without a capability", () => {
    expect(build()).toMatchObject({
      entrypoint: ["/airlock/init"],
      command: ["sandbox"],
      workingDirectory: "/",
      user: "1000:1001",
      readOnlyRoot: true,
      capabilitiesAdded: [],
      stopSignal: "SIGTERM",
    });
  });

  it("has no capability either when the caller is root", () => {
    expect(build({ uid: 0, gid: 0 })).toMatchObject({ user: "0:0", readOnlyRoot: true, capabilitiesAdded: [] });
  });

  it("gives --user root a writable root and five capabilities over files", () => {
    const capabilitiesAdded = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];
    expect(build({ user: "root" })).toMatchObject({ user: "0:0", readOnlyRoot: false, capabilitiesAdded });
  });

  it("limits memory, processors, processes and files, and never the processes of a user of the whole host", () => {
    const { memoryBytes, nanoCpus, pidsLimit, ulimits, tmpfs } = build();
    expect({ memoryBytes, nanoCpus, pidsLimit }).toEqual({ memoryBytes: 1 << 29, nanoCpus: 1.5e9, pidsLimit: 100 });
    expect(ulimits.map(({ name }) => name).sort()).toEqual(["core", "fsize", "memlock", "nofile"]);
    expect(ulimits.find(({ name }) => name === "core")).toEqual({ name: "core", soft: 0, hard: 0 });
    for (const options of Object.values(tmpfs)) expect(options).toMatch(/nosuid,nodev.*size=\d+/);
  });

  it("masks the same paths that init looks for", () => {
    const source = readFileSync(new URL("../../../init/probe.c", import.meta.url), "utf8");
    const list = /masked\[\] = \{([^}]*)\}/.exec(source)?.[1] ?? "";
    expect([...list.matchAll(/"([^"]+)"/g)].map(([, path]) => path)).toEqual([...maskedPaths]);
    expect(readOnlyPaths).toEqual(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]);
  });
});

describe("a hostile image", () => {
  it("cannot say what code is loaded", () => {
    const imageEnvironment = [
      "PATH=/evil",
      "LD_PRELOAD=/e.so",
      "NODE_OPTIONS=--require=/e.js",
      "BASH_ENV=/e",
      "PYTHONPATH=/e",
      "PERL5OPT=-Me",
      "GLIBC_TUNABLES=x",
      "ODD",
    ];
    const names = ["LD_PRELOAD", "NODE_OPTIONS", "BASH_ENV", "PYTHONPATH", "PERL5OPT", "GLIBC_TUNABLES"];
    expect(build({ imageEnvironment }).environment).toEqual(names.map((name) => `${name}=`));
  });

  it.each([
    "/",
    "/usr",
    "/etc/x",
    "/airlock",
    "/proc/sys",
    "//etc",
    "/opt/../etc",
    "/./bin",
    "etc",
    "/lib64",
    "/tmp",
    "/srv/prøject/node_modules",
  ])("cannot put a volume at %s", (path) => {
    expect(() => build({ imageVolumes: ["/var/lib/postgresql/data", path] })).toThrow(
      expect.objectContaining({ code: "E_MOUNT_REFUSED" }),
    );
  });

  it.each(["/var/lib/postgresql/data", "/data", "/srv/prøject", "/srv/prøject-data", "/usrlocal"])(
    "may have a volume at %s",
    (path) => {
      expect(() => build({ imageVolumes: [path] })).not.toThrow();
    },
  );

  it("gets folders in memory with a size for its volumes, and none where something of ours is", () => {
    const { tmpfs } = build({ imageVolumes: ["/data", "/opt/../cache/", "/srv/prøject"] });
    expect(Object.keys(tmpfs).sort()).toEqual(["/cache", "/data", "/run", "/tmp"]);
    expect(tmpfs["/data"]).toMatch(/^rw,nosuid,nodev,exec,size=\d+,nr_inodes=200k,uid=\d+,gid=\d+,mode=755$/);
  });

  it("gets a folder for the name of its user where the image looks there, and never with a writable root", () => {
    const name = "/var/lib/extrausers";
    expect(build({ hasNames: true }).tmpfs[name]).toMatch(/^rw,nosuid,nodev,noexec,size=1m,mode=755,uid=\d+,gid=\d+$/);
    expect(build({ hasNames: true, user: "root" }).tmpfs).not.toHaveProperty(name);
    expect(build().tmpfs).not.toHaveProperty(name);
  });

  it("cannot hide a system folder behind any spelling", () => {
    const segment = fc.constantFrom(".", "..", "", "opt", "x");
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (parts) => {
        const ups = Array.from({ length: parts.length }, () => "..");
        const path = `/${[...parts, ...ups, "etc", "evil"].join("/")}`;
        expect(() => build({ imageVolumes: [path] })).toThrow();
      }),
    );
  });
});
