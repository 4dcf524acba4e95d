import { chown, lstat, mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newToken } from "../../src/base/ids.js";
import type { Mount } from "../../src/model/engine.js";
import type { ApprovedPath } from "../../src/model/session.js";
import type { SandboxSpec } from "../../src/wall/container-spec.js";
import { proveWall } from "../../src/wall/prove.js";
import { containerRequest } from "../support/container-request.js";
import { writeTar } from "../support/tar-bytes.js";
import { type Body, type Walled, WallLab } from "../support/walled.js";
import { attacks, type Configuration } from "./wall-attacks.js";

let lab: WallLab;
let folder: string;
let mounts: readonly Mount[];
const sandboxes = new Map<Configuration, Walled>();

const unfiltered = ["no-new-privileges:true", "seccomp=unconfined"];
const dangerous =
  "SYS_ADMIN NET_RAW MKNOD DAC_READ_SEARCH SYS_MODULE SYS_BOOT SYS_PACCT SYS_CHROOT SYSLOG SETUID SETGID";

/** What each configuration has taken out of the request. Nothing in them can hurt the machine that the suite runs on. */
const weakenings: Readonly<Record<Configuration, (body: Body) => void>> = {
  agent: () => undefined,
  root: () => undefined,
  "no seccomp": ({ HostConfig }) => Object.assign(HostConfig, { SecurityOpt: unfiltered }),
  capabilities: (body) => {
    body["User"] = "0:0";
    Object.assign(body.HostConfig, { SecurityOpt: unfiltered, CapAdd: dangerous.split(" "), ReadonlyRootfs: false });
  },
  "set-id": ({ HostConfig }) => {
    const others = (HostConfig["Mounts"] as { Target: string }[]).filter(({ Target }) => Target !== "/work");
    const plain = { Type: "tmpfs", Target: "/work", TmpfsOptions: { Mode: 0o1777 } };
    const filter = (HostConfig["SecurityOpt"] as string[]).filter((option) => option.startsWith("seccomp="));
    Object.assign(HostConfig, { SecurityOpt: filter, Mounts: [...others, plain] });
  },
  host: (body) => {
    body["NetworkDisabled"] = false;
    Object.assign(body.HostConfig, {
      NetworkMode: "bridge",
      PidMode: "host",
      Binds: ["/var/run/docker.sock:/mnt/docker.sock"],
      Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/net/host", CgroupPermissions: "r" }],
      Ulimits: [],
      Memory: 0,
      MemorySwap: 0,
      PidsLimit: 0,
    });
  },
  "kernel paths": ({ HostConfig }) =>
    Object.assign(HostConfig, { ReadonlyPaths: [], MaskedPaths: [], Binds: ["/sys/fs/cgroup:/sys/fs/cgroup"] }),
};

/** An overlay like a session's layer, and a volume with a set-id shell of root. */
async function prepareMounts(): Promise<Mount[]> {
  folder = await mkdtemp(join(tmpdir(), "airlock-wall-"));
  for (const name of ["lower", "upper", "work"]) await mkdir(join(folder, name));
  if (process.getuid?.() === 0) await chown(join(folder, "upper"), 1000, 1000);
  const layer = await lab.volume(`airlock-test-layer-${newToken(6)}`, {
    type: "overlay",
    device: "overlay",
    o: `nosuid,nodev,lowerdir=${folder}/lower,upperdir=${folder}/upper,workdir=${folder}/work`,
  });
  const setId = await lab.volume(`airlock-test-setid-${newToken(6)}`, {});
  const target = "/mnt/setid";
  const filling = await lab.engine.createContainer(
    containerRequest({
      image: lab.image,
      command: ["cp /bin/bash /mnt/setid/bash && chmod 4755 /mnt/setid/bash"],
      mounts: [{ type: "volume", source: setId, target, readOnly: false, noCopy: true }],
    }),
  );
  const filled = lab.engine.waitContainer(filling);
  await lab.engine.startContainer(filling);
  expect(await filled).toEqual({ exitCode: 0 });
  await lab.engine.removeContainer(filling);
  return [
    { type: "volume", source: layer, target: "/work", readOnly: false, noCopy: true },
    { type: "volume", source: setId, target, readOnly: true, noCopy: true },
  ];
}

/** The sandbox of a configuration, started at its first use. */
async function sandbox(configuration: Configuration): Promise<Walled> {
  const there = sandboxes.get(configuration);
  if (there !== undefined) return there;
  const user = configuration === "root" || configuration === "kernel paths" ? "root" : "agent";
  const spec: Partial<SandboxSpec> = { user, mounts };
  const opened = await lab.open({ spec, weaken: weakenings[configuration] });
  opened.release({ mode: "hold" });
  sandboxes.set(configuration, opened);
  return opened;
}

async function failedChecks(
  { request, state }: Pick<Walled, "request" | "state">,
  report: string,
  imageVolumes: readonly string[] = [],
  approvals: readonly ApprovedPath[] = [],
): Promise<string[]> {
  const { checks } = await proveWall({
    request,
    state,
    report,
    approvals,
    bases: [],
    imageVolumes,
    runtime: "",
    sameKernel: true,
  });
  return checks.filter(({ ok }) => !ok).map(({ name }) => name);
}

beforeAll(async () => {
  lab = await WallLab.open();
  mounts = await prepareMounts();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe("a sandbox as it is shipped", () => {
  it.each(["agent", "root"] as const)("has a wall that is proved, for --user %s", async (configuration) => {
    const opened = await sandbox(configuration);
    expect(await failedChecks(opened, opened.report)).toEqual([]);
  });
});

describe.each(attacks)("an agent that $name", ({ command, against, without, red, rare = false }) => {
  it("is stopped", async () => {
    const { code, output } = await (await sandbox(against)).run(command);
    expect({ code, output }).not.toMatchObject({ code: 0 });
    // Not because the attempt itself is broken.
    expect(output).not.toMatch(/command not found|SyntaxError|NameError|TypeError/);
  });

  it("gets through without the defence, and the proof is red", async () => {
    const weak = await sandbox(without);
    const { code, output } = await weak.run(command);
    if (!rare) expect({ code, output }).toMatchObject({ code: 0 });
    expect(await failedChecks(weak, weak.report)).toEqual(expect.arrayContaining([...red]));
  });

  // An engine that ignores what it was asked for may still repeat it: the probe alone must notice.
  it("is noticed though the engine says that all is well", async () => {
    const weak = await sandbox(without);
    const honest = await sandbox(weak.request.readOnlyRoot ? "agent" : "root");
    const inside = red.filter((name) => !/^(HostConfig|Config|networks|mounts$)/.test(name));
    expect(inside).not.toEqual([]);
    expect(await failedChecks(honest, weak.report)).toEqual(expect.arrayContaining(inside));
  });
});

describe("an approved folder that is swapped for a link to a secret one", () => {
  it("is not let in", async () => {
    const hostPath = join(folder, "approved");
    const secret = join(folder, "secret");
    await Promise.all([hostPath, secret].map((path) => mkdir(path)));
    const { dev, ino } = await lstat(hostPath, { bigint: true });
    const approval = {
      hostPath,
      target: "/mnt/data",
      mode: "ro",
      kind: "folder",
      device: `${dev}`,
      inode: `${ino}`,
    } as const;
    const mount = { type: "bind", source: hostPath, target: "/mnt/data", readOnly: true } as const;
    const look = async (): Promise<string[]> => {
      const opened = await lab.open({ spec: { mounts: [mount] } });
      const failed = await failedChecks(opened, opened.report, [], [approval]);
      await lab.engine.removeContainer(opened.id);
      return failed;
    };
    expect(await look()).toEqual([]);
    await rename(hostPath, `${hostPath}-moved`);
    await symlink(secret, hostPath);
    expect(await look()).toEqual(["/mnt/data is what was approved"]);
  });
});

describe("an open file that the runtime left", () => {
  it("is noticed", async () => {
    const { run } = await sandbox("agent");
    const leak =
      "import os; os.set_inheritable(os.dup2(os.open('/', os.O_RDONLY), 7), True); os.execv('/airlock/init', ['init', 'sandbox'])";
    const { output } = await run(["python3", "-c", leak]);
    const report = output.slice(output.indexOf("{"), output.indexOf("\n"));
    const failed = await failedChecks(await sandbox("agent"), report);
    expect(failed).toContain("inside descriptors");
    expect((await run(["ls", "/proc/1/fd"])).output).toBe("0\n1\n2\n");
  });
});

describe("a hostile image", () => {
  const image = `airlock-test/hostile:${newToken(6)}`;
  const dockerfile = () => `FROM ${lab.image}
USER 0
RUN printf '#!/bin/sh\\necho evil\\nexec sleep 100\\n' > /evil && chmod 755 /evil
ENV LD_PRELOAD=/evil.so NODE_OPTIONS=--require=/evil.js BASH_ENV=/evil
HEALTHCHECK --interval=1s CMD /evil
VOLUME /var/cache/data
STOPSIGNAL SIGCONT
WORKDIR /proc/self/fd
ENTRYPOINT ["/evil"]
CMD ["evil"]
`;

  beforeAll(async () => {
    await lab.engine.buildImage({
      context: Readable.from([writeTar([{ path: "Dockerfile", mode: 0o644, content: dockerfile() }])]),
      tag: image,
      labels: { "airlock.test": "1" },
      buildArguments: {},
      onLine: () => undefined,
    });
  });
  afterAll(() => lab.engine.removeImage(image));

  async function hostile(): Promise<Partial<SandboxSpec> & { readonly imageVolumes: readonly string[] }> {
    const found = await lab.engine.inspectImage(image);
    return { image, imageVolumes: found?.volumes ?? [], imageEnvironment: found?.environment ?? [] };
  }

  it("has no say in user, program, folder, health check, stop signal or loaded code", async () => {
    const spec = await hostile();
    const opened = await lab.open({ spec });
    expect(await failedChecks(opened, opened.report, spec.imageVolumes)).toEqual([]);
    opened.release({ mode: "hold" });
    const environment = await opened.run([
      "/bin/sh",
      "-c",
      "tr '\\0' '\\n' < /proc/1/environ; echo $LD_PRELOAD$BASH_ENV; id -u",
    ]);
    expect(environment.output).toBe("PATH=/usr/local/bin:/usr/bin:/bin\n\n1000\n");
    await lab.engine.removeContainer(opened.id);
  });

  it.each([
    ["health check", "Healthcheck", "Config.Healthcheck"],
    ["stop signal", "StopSignal", "Config.StopSignal"],
    ["variables", "Env", "environment of the image"],
    ["user", "User", "inside uid"],
  ])("is noticed when its %s comes through", async (_, field, red) => {
    const spec = await hostile();
    const opened = await lab.open({ spec, weaken: (body) => delete body[field] });
    expect(await failedChecks(opened, opened.report, spec.imageVolumes)).toContain(red);
    await lab.engine.removeContainer(opened.id);
  });

  it("is noticed when its program runs in place of ours", async () => {
    const spec = await hostile();
    await expect(lab.open({ spec, weaken: (body) => delete body["Entrypoint"] })).rejects.toThrow("no report");
  });

  it("gets no room on the engine's disk for the volumes that it declares", async () => {
    const spec = await hostile();
    const folder = "/var/cache/data";
    const opened = await lab.open({ spec });
    opened.release({ mode: "hold" });
    const fill = `df -B1 --output=fstype ${folder} | tail -1; head -c 300M /dev/zero > ${folder}/f; touch ${folder}/mine && id -u`;
    const { output } = await lab.engine
      .exec({ container: opened.id, command: ["/bin/sh", "-c", fill], user: "1000:1000", tty: false })
      .then(async (exec) => ({
        output: (await text(exec.stdout)) + (exec.stderr === null ? "" : await text(exec.stderr)),
      }));
    expect(output).toMatch(/^tmpfs/);
    expect(output).toContain("No space left on device");
    await lab.engine.removeContainer(opened.id);
    const open = await lab.open({
      spec,
      weaken: ({ HostConfig }) => {
        const { [folder]: _taken, ...rest } = HostConfig["Tmpfs"] as Record<string, string>;
        HostConfig["Tmpfs"] = rest;
      },
    });
    expect(await failedChecks(open, open.report, spec.imageVolumes)).toContain("temporary folders lack flags");
    await lab.engine.removeContainer(open.id);
  });

  it("may not put a volume over system folders", async () => {
    const spec = await hostile();
    expect(() => lab.request({ ...spec, imageVolumes: ["/usr/../bin"] })).toThrow("volumes of its own at");
  });
});
