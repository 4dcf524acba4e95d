import { lstat, mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerState } from "../../../src/model/engine.js";
import { buildSandboxRequest, rootCapabilities } from "../../../src/wall/container-spec.js";
import { refusedCalls } from "../../../src/wall/probe-checks.js";
import { failures, specimenReport, specimenSpec, specimenState } from "./specimen.js";

type Fields = Record<string, unknown>;
type Raw = { Config: Fields; HostConfig: Fields; NetworkSettings: { Networks: Fields } };

const spoilRaw =
  (spoil: (raw: Raw) => void) =>
  (state: ContainerState): ContainerState => {
    spoil(state.raw as Raw);
    return state;
  };

describe("a wall that is as asked for", () => {
  it("is proved", async () => {
    expect(await failures({})).toEqual([]);
  });

  it("is proved for a root that keeps five capabilities over files", async () => {
    const report = { ...specimenReport(), uid: 0, gid: 0, groups: [0], writable: ["/", "/etc", "/usr"] };
    const five = "00000000000000cb";
    Object.assign(report.status, { CapPrm: five, CapEff: five, CapBnd: five });
    expect(await failures({ spec: { user: "root" }, report })).toEqual([]);
    Object.assign(report.status, { CapEff: "00000000000000cf" });
    expect(await failures({ spec: { user: "root" }, report })).toEqual(["inside CapEff"]);
    expect(rootCapabilities).toEqual(["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]);
  });

  it("is proved when an engine writes lists in another order, null for empty, and CAP_ before names", async () => {
    const state = spoilRaw(({ HostConfig }) => {
      Object.assign(HostConfig, {
        CapAdd: null,
        Binds: null,
        Devices: null,
        PortBindings: {},
        OomKillDisable: null,
        MaskedPaths: [...(HostConfig["MaskedPaths"] as string[])].reverse(),
      });
    });
    expect(await failures({ state })).toEqual([]);
  });
});

describe("what the engine says", () => {
  const request = buildSandboxRequest(specimenSpec());
  const raw = specimenState(request).raw as Raw;
  const looser: Fields = {
    Privileged: true,
    ReadonlyRootfs: false,
    CapAdd: ["CAP_NET_RAW"],
    CapDrop: null,
    SecurityOpt: ["no-new-privileges:true"],
    MaskedPaths: null,
    ReadonlyPaths: null,
    Tmpfs: { "/tmp": "rw" },
    NetworkMode: "bridge",
    IpcMode: "host",
    PidMode: "host",
    UTSMode: "host",
    UsernsMode: "host",
    CgroupnsMode: "host",
    Memory: 0,
    MemorySwap: -1,
    NanoCpus: 0,
    PidsLimit: null,
    ShmSize: 1 << 40,
    OomKillDisable: true,
    Ulimits: null,
    Binds: ["/:/host"],
    VolumesFrom: ["other"],
    Devices: [{ PathOnHost: "/dev/kmsg" }],
    DeviceRequests: [{ Driver: "nvidia" }],
    DeviceCgroupRules: ["a *:* rwm"],
    GroupAdd: ["docker"],
    ExtraHosts: ["a:1.2.3.4"],
    Links: ["db"],
    PortBindings: { "80/tcp": [{ HostPort: "80" }] },
    PublishAllPorts: true,
    Sysctls: { "net.ipv4.ip_forward": "1" },
    Init: true,
    LogConfig: { Type: "json-file" },
  };

  it.each(Object.keys(looser))("is not believed to be enough when HostConfig.%s is looser", async (name) => {
    expect(raw.HostConfig).toHaveProperty(name);
    const state = spoilRaw(({ HostConfig }) => {
      HostConfig[name] = looser[name];
    });
    expect(await failures({ state })).toEqual([`HostConfig.${name}`]);
  });

  it.each([
    ["User", "0:0"],
    ["Entrypoint", ["/evil"]],
    ["Cmd", ["/evil"]],
    ["WorkingDir", "/proc/self/fd/8"],
    ["Healthcheck", { Test: ["CMD", "/evil"] }],
    ["StopSignal", "SIGCONT"],
    ["Tty", true],
  ])("is not believed to be enough when the image's %s came through", async (name, value) => {
    const state = spoilRaw(({ Config }) => {
      Config[name] = value;
    });
    expect(await failures({ state })).toEqual([`Config.${name}`]);
  });

  it("finds a variable of the image that loads code, a network, and an answer that is none", async () => {
    const variable = spoilRaw(({ Config }) => {
      Config["Env"] = ["PATH=/bin", "LD_PRELOAD=/evil.so", "NODE_OPTIONS="];
    });
    expect(await failures({ state: variable })).toEqual(["environment of the image"]);
    const network = spoilRaw(({ NetworkSettings }) => {
      NetworkSettings.Networks = { none: {}, bridge: {} };
    });
    expect(await failures({ state: network })).toEqual(["networks"]);
    await expect(failures({ state: (state) => ({ ...state, raw: { Config: {} } }) })).rejects.toThrow("cannot be read");
  });

  it("finds a mount that is missing, added, or has become writable", async () => {
    const mounts =
      (change: (mounts: ContainerState["mounts"]) => ContainerState["mounts"]) => (state: ContainerState) => ({
        ...state,
        mounts: change(state.mounts),
      });
    const socket = {
      type: "bind",
      name: null,
      source: "/run/docker.sock",
      target: "/s",
      readOnly: true,
      propagation: "",
    };
    expect(await failures({ state: mounts((all) => all.slice(1)) })).toEqual(["mounts"]);
    expect(await failures({ state: mounts((all) => [...all, socket]) })).toEqual(["mounts"]);
    expect(await failures({ state: mounts((all) => all.map((each) => ({ ...each, readOnly: false }))) })).toEqual([
      "mounts",
    ]);
    expect(
      await failures({ state: mounts((all) => all.map((each) => ({ ...each, name: null, source: "/etc" }))) }),
    ).toEqual(["mounts"]);
  });
});

describe("what init says", () => {
  it.each(refusedCalls)("is red when the kernel lets %s in, or it was not tried", async (name) => {
    for (const answer of ["ok", "EFAULT", "EINVAL", "EBADF", "unknown", undefined]) {
      const report = specimenReport();
      report.syscalls[name] = answer;
      expect(await failures({ report })).toEqual([`inside ${name}`]);
    }
  });

  it.each([
    ["CapPrm", "0000000000000001"],
    ["CapEff", "000000ffffffffff"],
    ["CapBnd", "00000000a80425fb"],
    ["CapInh", "00000000a80425fb"],
    ["CapAmb", "0000000000000001"],
    ["NoNewPrivs", "0"],
    ["Seccomp", "0"],
  ])("is red when %s is %s, or not told", async (name, value) => {
    for (const each of [value, undefined]) {
      const report = specimenReport();
      report.status[name] = each;
      expect(await failures({ report })).toEqual([`inside ${name}`]);
    }
  });

  it.each<[string, Fields]>([
    ["inside uid", { uid: 0 }],
    ["inside gid", { gid: 0 }],
    ["inside groups", { groups: [1001, 999] }],
    ["inside pid", { pid: 4242 }],
    ["inside processes", { processes: 300 }],
    ["inside interfaces", { interfaces: ["lo", "eth0"] }],
    ["inside writable", { writable: ["/proc/sys/kernel/core_pattern"] }],
    ["inside unmasked", { exposed: ["/proc/kcore"] }],
    ["inside devices", { devices: ["null", "net/tun"] }],
    ["inside sockets", { sockets: ["/run/docker.sock"] }],
    ["inside descriptors", { descriptors: [0, 1, 2, 7] }],
    ["inside memory limit", { limits: { memory: "max", pids: "100", core: "0" } }],
    ["inside processes limit", { limits: { memory: "4096", pids: "", core: "0" } }],
    ["inside core limit", { limits: { memory: "4096", pids: "100", core: "18446744073709551615" } }],
  ])("makes %s red", async (name, change) => {
    expect(await failures({ report: { ...specimenReport(), ...change } })).toEqual([name]);
  });

  it.each([
    ["not JSON", "{"],
    ["another version", { ...specimenReport(), version: 2 }],
    ["a field more", { ...specimenReport(), extra: true }],
    ["a field less", { ...specimenReport(), syscalls: undefined }],
    ["a field of another kind", { ...specimenReport(), interfaces: "lo" }],
  ])("is no report when it is %s", async (_, report) => {
    await expect(failures({ report })).rejects.toMatchObject({ code: "E_WALL_UNPROVED" });
  });
});

describe("the mounts that init sees", () => {
  type Mounts = ReturnType<typeof specimenReport>["mounts"];
  const spoiled = async (spoil: (mounts: Mounts) => unknown): Promise<string[]> => {
    const report = specimenReport();
    spoil(report.mounts);
    return failures({ report });
  };
  const at = (mounts: Mounts, target: string): Fields => mounts.find((mount) => mount["target"] === target) ?? {};
  const layer = "/srv/pr\udcc3\udcb8ject";

  it("are red when one was not asked for, or one is missing", async () => {
    expect(await spoiled((all) => all.push({ ...all[0], target: "/mnt/more" }))).toEqual([
      "mount table: nothing unasked",
    ]);
    expect(await spoiled((all) => all.push({ ...at(all, "/proc/kcore"), target: "/proc/uptime" }))).toEqual([
      "mount table: nothing unasked",
    ]);
    expect(await spoiled((all) => all.splice(all.length - 1))).toEqual(["mount table: everything asked"]);
  });

  it("are red when a layer is no overlay, or lets set-id programs and devices in", async () => {
    expect(await spoiled((all) => Object.assign(at(all, layer), { type: "ext4" }))).toEqual([
      "/srv/prøject is an overlay",
    ]);
    expect(await spoiled((all) => Object.assign(at(all, layer), { options: "rw,nodev" }))).toEqual([
      "/srv/prøject lacks flags",
    ]);
    expect(await spoiled((all) => Object.assign(at(all, layer), { options: "rw,nosuid" }))).toEqual([
      "/srv/prøject lacks flags",
    ]);
  });

  it("are red when an approved path is another object than was approved, or can be written", async () => {
    expect(await spoiled((all) => Object.assign(at(all, "/mnt/set"), { inode: "78" }))).toEqual([
      "/mnt/set is what was approved",
    ]);
    expect(await spoiled((all) => Object.assign(at(all, "/mnt/set"), { device: "67" }))).toEqual([
      "/mnt/set is what was approved",
    ]);
    expect(await failures({ proof: { approvals: [] } })).toEqual(["/mnt/set is what was approved"]);
    expect(await spoiled((all) => Object.assign(at(all, "/mnt/set"), { options: "rw" }))).toContain("/mnt/set access");
  });

  it("are red when what says which names there are is not the file beside our programs", async () => {
    const elsewhere = "/volumes/other/_data/hosts";
    expect(await spoiled((all) => Object.assign(at(all, "/etc/hosts"), { root: elsewhere }))).toEqual([
      "/etc/hosts is ours",
    ]);
    expect(await spoiled((all) => Object.assign(at(all, "/etc/resolv.conf"), { device: "2" }))).toEqual([
      "/etc/resolv.conf is ours",
    ]);
    expect(await spoiled((all) => Object.assign(at(all, "/etc/hosts"), { options: "rw" }))).toEqual([
      "/etc/hosts access",
    ]);
  });

  it("are red when the last of several on one path is another than was asked for", async () => {
    const stacked = await spoiled((all) => all.push({ ...at(all, layer), type: "ext4" }));
    expect(stacked).toEqual(["/srv/prøject is an overlay"]);
  });

  it.each([
    ["/", "the root is read-only"],
    ["/sys", "/sys is read-only"],
    ["/sys/fs/cgroup", "kernel mounts that can be written"],
    ["/proc/sys", "/proc/sys is read-only"],
    ["/airlock", "/airlock access"],
  ])("are red when %s can be written", async (target, name) => {
    expect(await spoiled((all) => Object.assign(at(all, target), { options: "rw,nosuid,nodev,noexec" }))).toContain(
      name,
    );
  });

  it("are red when a temporary folder lost a flag", async () => {
    expect(await spoiled((all) => Object.assign(at(all, "/tmp"), { options: "rw,nodev" }))).toEqual([
      "temporary folders lack flags",
    ]);
  });
});

describe("gVisor", () => {
  const report = {
    ...specimenReport(),
    status: {},
    mounts: [],
    syscalls: { unshare_user: "ok" },
    limits: { memory: "", pids: "", core: "0" },
  };

  it("answers from a kernel of its own, and is proved by what it shares with the host", async () => {
    const spec = { runtime: "runsc" };
    expect(await failures({ spec, report, proof: { runtime: "runsc" } })).toEqual([]);
    const open = { ...report, interfaces: ["lo", "eth0"], sockets: ["/run/docker.sock"] };
    expect(await failures({ spec, report: open, proof: { runtime: "runsc" } })).toEqual([
      "inside interfaces",
      "inside sockets",
    ]);
  });

  it("is never replaced by another runtime in silence", async () => {
    const state = spoilRaw(({ HostConfig }) => {
      HostConfig["Runtime"] = "runc";
    });
    expect(await failures({ spec: { runtime: "runsc" }, report, state, proof: { runtime: "runsc" } })).toEqual([
      "HostConfig.Runtime",
    ]);
  });
});

describe("the folder under a layer", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "airlock-wall-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("must be the one that was approved", async () => {
    const hostPath = join(folder, "project");
    await mkdir(hostPath);
    const { dev, ino } = await lstat(hostPath, { bigint: true });
    const bases = [{ hostPath, device: String(dev), inode: String(ino) }];
    expect(await failures({ proof: { bases } })).toEqual([]);
    await rename(hostPath, join(folder, "moved"));
    const name = `the folder under ${hostPath} is what was approved`;
    expect(await failures({ proof: { bases } })).toEqual([name]);
    await symlink(join(folder, "moved"), hostPath);
    expect(await failures({ proof: { bases } })).toEqual([name]);
  });
});
