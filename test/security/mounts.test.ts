import { execFileSync, spawn } from "node:child_process";
import { lstatSync, readlinkSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { basename, dirname, relative } from "node:path";
import { describe, expect, test } from "vitest";
import type { ApprovedPath, PathMode } from "../../src/model/session.js";
import { approvePath, type PathContext, type PathRequest } from "../../src/policy/mounts.js";
import { pathRules } from "../../src/policy/path-rules.js";
import { targetRules } from "../../src/policy/target-rules.js";
import { type ScratchFolder, scratchFolder } from "../unit/policy/scratch-folder.js";

/** A machine in miniature: a home, a project, an engine and Airlock's state. */
interface Scene extends AsyncDisposable {
  readonly scratch: ScratchFolder;
  readonly at: (path: string) => string;
  readonly context: PathContext;
}

async function listenOn(path: string): Promise<AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(path, done));
  return { [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())) };
}

async function makeScene(): Promise<Scene> {
  const scratch = scratchFolder();
  const at = (path: string): string => `${scratch.path}/${path}`;
  for (const file of secretFiles) scratch.write(`home/me/${file}`);
  for (const folder of ["home/me/app/src", "home/me/data/sub", "home/other", "engine/data/volumes", "state/sessions"]) {
    scratch.folder(folder);
  }
  scratch.write("home/me/data/file");
  scratch.folder("engine/run");
  execFileSync("mkfifo", [at("home/me/data/sub/pipe")]);
  const engine = await listenOn(at("engine/run/docker.sock"));
  const agent = await listenOn(at("home/me/agent.sock"));
  scratch.folder("srv/keys");
  symlinkSync(at("srv/keys"), at("home/me/.gnupg"));
  return {
    scratch,
    at,
    context: {
      places: {
        homedir: at("home/me"),
        airlockHome: at("state"),
        engineSocket: at("engine/run/docker.sock"),
        engineDataRoot: at("engine/data"),
      },
      cwd: at("home/me/data"),
      project: at("home/me/app"),
      workspace: at("home/me/app"),
      allowRw: true,
      approved: [],
      index: 1,
    },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await agent[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

const secretFiles = [
  ".ssh/id_ed25519",
  ".aws/credentials",
  ".azure/token",
  ".kube/config",
  ".docker/config.json",
  ".config/gcloud/credentials.db",
  ".config/gh/hosts.yml",
  ".netrc",
  ".npmrc",
  ".pypirc",
  ".git-credentials",
  ".claude/credentials.json",
  ".claude.json",
  ".codex/auth.json",
  ".gemini/oauth.json",
  ".kiro/token",
  ".local/share/keyrings/login.keyring",
  ".mozilla/firefox/profile/logins.json",
  ".config/google-chrome/Default/Cookies",
  "Library/Keychains/login.keychain-db",
];

const startUpFiles = [
  ".bashrc",
  ".bash_history",
  ".bash_aliases",
  ".zshrc",
  ".zsh_history",
  ".profile",
  ".gitconfig",
  ".local/bin/tool",
  ".config/systemd/user/x.service",
  ".config/autostart/x.desktop",
  ".config/fish/config.fish",
  ".config/git/config",
];

const everyMode: readonly PathMode[] = ["ro", "cow", "rw"];

// Every way to name one thing: as it is, by a link to it, by a link to its folder, by `..`, relative, and with noise.
function waysTo(path: string, { scratch, context }: Scene): string[] {
  const links = scratch.folder(`links/${Math.random().toString(36).slice(2)}`);
  symlinkSync(path, `${links}/straight`);
  symlinkSync(`${links}/straight`, `${links}/chain`);
  symlinkSync(dirname(path), `${links}/above`);
  return [
    path,
    `${links}/straight`,
    `${links}/chain`,
    `${links}/above/${basename(path)}`,
    `${links}/../${basename(links)}/straight`,
    `${context.cwd}/sub/../${relative(context.cwd, path)}`,
    relative(context.cwd, path) || ".",
    `/${path}`,
    lstatSync(path).isDirectory() ? `${path}/.` : path,
  ];
}

const refusal = { code: "E_MOUNT_REFUSED", message: expect.stringContaining("refused"), hint: expect.any(String) };

async function expectRefused(path: string, scene: Scene, modes = everyMode): Promise<void> {
  for (const host of waysTo(path, scene)) {
    for (const mode of modes) {
      await expect(approvePath({ host, mode }, scene.context), `${host}:${mode}`).rejects.toMatchObject(refusal);
    }
  }
}

describe("never enters a sandbox, however it is named and in whatever mode:", () => {
  test.each([
    "/",
    "/etc",
    "/etc/passwd",
    "/proc",
    "/proc/self",
    "/sys",
    "/dev",
    "/dev/null",
    "/boot",
    "/run",
    "/var/run",
  ])("%s", async (path) => {
    await using scene = await makeScene();
    await expectRefused(path, scene);
  });

  test.each(["home/me", "home", "", "home/me/app/..", "/root", "/home"])(
    "the home folder or a parent: %s",
    async (path) => {
      await using scene = await makeScene();
      await expectRefused(path.startsWith("/") ? path : scene.at(path), scene);
    },
  );

  test.each([...secretFiles, ...startUpFiles])("~/%s, the folders it is in, and a part of it", async (file) => {
    await using scene = await makeScene();
    scene.scratch.write(`home/me/${file}`);
    for (let path = file; path !== "."; path = dirname(path))
      await expectRefused(scene.at(`home/me/${path}`), scene, ["ro", "rw"]);
    for (const path of [`~/${file}`, `~/data/../${file}`, `~/./${file}`]) {
      await expect(approvePath({ host: path, mode: "ro" }, scene.context)).rejects.toMatchObject(refusal);
    }
  });

  test("what a credentials folder really is when it is a link, and the folder around that", async () => {
    await using scene = await makeScene();
    expect(readlinkSync(scene.at("home/me/.gnupg"))).toBe(scene.at("srv/keys"));
    for (const path of ["home/me/.gnupg", "srv/keys", "srv"]) await expectRefused(scene.at(path), scene);
  });

  test.each(["engine/run/docker.sock", "engine/run", "engine/data", "engine/data/volumes", "engine"])(
    "the engine: %s",
    async (path) => {
      await using scene = await makeScene();
      await expectRefused(scene.at(path), scene);
    },
  );

  test("the engine's usual places, when the engine is another one", async () => {
    await using scene = await makeScene();
    scene.scratch.folder("home/me/.local/share/containers/storage");
    await expectRefused(scene.at("home/me/.local/share/containers/storage"), scene);
  });

  test.each(["state", "state/sessions"])("Airlock's own %s", async (path) => {
    await using scene = await makeScene();
    await expectRefused(scene.at(path), scene);
  });

  test("Airlock's state that is not there yet, by the folder it would be in", async () => {
    await using scene = await makeScene();
    scene.scratch.folder("later");
    const places = { ...scene.context.places, airlockHome: scene.at("later/on/airlock") };
    const request: PathRequest = { host: scene.at("later"), mode: "ro" };
    await expect(approvePath(request, { ...scene.context, places })).rejects.toMatchObject(refusal);
    expect(await approvePath(request, scene.context)).toMatchObject({ hostPath: scene.at("later") });
  });

  test("a socket, a pipe, and a folder with one below it that is not copy-on-write", async () => {
    await using scene = await makeScene();
    for (const path of ["home/me/agent.sock", "home/me/data/sub/pipe"]) await expectRefused(scene.at(path), scene);
    for (const path of ["home/me/data", "home/me/data/sub"]) await expectRefused(scene.at(path), scene, ["ro", "rw"]);
    const request: PathRequest = { host: scene.at("home/me/data"), mode: "cow" };
    expect(await approvePath(request, scene.context)).toMatchObject({ mode: "cow" });
  });

  test.each(["home/me/app", "home/me/app/src"])("the project once more: %s", async (path) => {
    await using scene = await makeScene();
    await expectRefused(scene.at(path), scene);
  });
});

const approvedAt = (hostPath: string, mode: PathMode, target = "/mnt/airlock/9"): ApprovedPath => ({
  hostPath,
  target,
  mode,
  kind: "folder",
  device: "1",
  inode: "1",
});

/** For each rule a path that it refuses, and the rules that would refuse it as well. */
interface RuleCase {
  readonly host: (scene: Scene) => string;
  readonly mode: PathMode;
  readonly more?: (scene: Scene) => Partial<PathContext>;
  readonly also?: readonly string[];
}

const ruleCases: Readonly<Record<string, RuleCase>> = {
  root: {
    host: () => "/",
    mode: "cow",
    also: ["home", "system", "engine", "airlock-home", "credentials", "start-up", "project"],
  },
  home: { host: ({ at }) => at("home/me"), mode: "cow", also: ["engine", "credentials", "start-up", "project"] },
  system: { host: () => "/etc/passwd", mode: "ro" },
  engine: { host: ({ at }) => at("engine/data"), mode: "ro" },
  "airlock-home": { host: ({ at }) => at("state/sessions"), mode: "ro" },
  credentials: { host: ({ at }) => at("home/me/.ssh"), mode: "ro" },
  "start-up": { host: ({ scratch }) => scratch.write("home/me/.bashrc"), mode: "ro" },
  special: { host: ({ at }) => at("home/me/data/sub/pipe"), mode: "ro" },
  "holds-special": { host: ({ at }) => at("home/me/data"), mode: "ro" },
  "agent-writable": {
    host: ({ at }) => at("home/me/data/file"),
    mode: "ro",
    more: ({ at }) => ({ approved: [approvedAt(at("home/me/data"), "rw")] }),
  },
  project: { host: ({ at }) => at("home/me/app/src"), mode: "ro" },
  "read-write": { host: ({ at }) => at("home/me/data/file"), mode: "rw", more: () => ({ allowRw: false }) },
  "copy-on-write-file": { host: ({ at }) => at("home/me/data/file"), mode: "cow" },
  "too-many": {
    host: ({ at }) => at("home/me/data/file"),
    mode: "ro",
    more: ({ at }) => ({
      approved: Array.from({ length: 64 }, (_, index) => approvedAt(at("srv"), "ro", `/mnt/airlock/x${index}`)),
    }),
  },
};

describe("each rule is a defence of its own:", () => {
  test("every rule has a case", () => {
    expect(Object.keys(ruleCases)).toEqual(pathRules.map(({ name }) => name));
    expect(Object.keys(targetCases)).toEqual(targetRules.map(({ name }) => name));
  });

  test.each(Object.entries(ruleCases))(
    "without %s its case is accepted",
    async (name, { host, mode, more, also = [] }) => {
      await using scene = await makeScene();
      const request = { host: host(scene), mode };
      const context = { ...scene.context, ...more?.(scene) };
      const approveWithout = (...names: readonly string[]) =>
        approvePath(request, context, {
          paths: pathRules.filter((rule) => !names.includes(rule.name)),
          targets: targetRules,
        });
      await expect(approvePath(request, context)).rejects.toMatchObject(refusal);
      await expect(approveWithout(...also)).rejects.toMatchObject(refusal);
      expect(await approveWithout(name, ...also)).toMatchObject({ mode });
    },
  );

  test.each(Object.entries({ ...targetCasesOf() }))(
    "without %s its target is accepted",
    async (name, { target, also }) => {
      await using scene = await makeScene();
      const request = { host: scene.at("home/me/data/file"), mode: "ro" as const, target };
      const context = {
        ...scene.context,
        workspace: "/workspace/app",
        approved: [approvedAt(scene.at("srv"), "ro", "/mnt/taken")],
      };
      const approveWithout = (...names: readonly string[]) =>
        approvePath(request, context, {
          paths: pathRules,
          targets: targetRules.filter((rule) => !names.includes(rule.name)),
        });
      await expect(approvePath(request, context)).rejects.toMatchObject(refusal);
      await expect(approveWithout(...also)).rejects.toMatchObject(refusal);
      expect(await approveWithout(name, ...also)).toMatchObject({ target });
    },
  );
});

interface TargetCase {
  readonly target: string;
  readonly also: readonly string[];
}

function targetCasesOf(): Readonly<Record<string, TargetCase>> {
  return {
    "target-form": { target: "/data/../x", also: [] },
    "target-root": { target: "/", also: ["target-image"] },
    "target-image": { target: "/usr/bin", also: [] },
    "target-home": { target: "/home/agent", also: [] },
    "target-workspace": { target: "/workspace/app/.git/hooks", also: [] },
    "target-taken": { target: "/mnt/taken/inside", also: [] },
  };
}

const targetCases = targetCasesOf();

describe("a target is refused", () => {
  const dangerous = [
    ...["", "/", "//", "relative", "./x", "/x/", "/x//y", "/x/.", "/x/../etc", "//etc", "/x\0", "/x\ny", "~/x"],
    ...["/proc", "/proc/1/root", "/sys/fs", "/dev/shm", "/etc", "/etc/ld.so.preload", "/usr/bin", "/bin/sh", "/lib64"],
    ...["/sbin", "/run/x", "/var/tmp", "/boot", "/airlock", "/airlock/init", "/home/agent", "/home", "/tmp"],
    ...["/workspace", "/workspace/app", "/workspace/app/.git/hooks", "/mnt", "/mnt/taken", "/mnt/taken/x"],
  ];

  test.each(dangerous)("at %j", async (target) => {
    await using scene = await makeScene();
    const context: PathContext = {
      ...scene.context,
      workspace: "/workspace/app",
      approved: [approvedAt(scene.at("srv"), "ro", "/mnt/taken")],
    };
    const request: PathRequest = { host: scene.at("home/me/data/file"), mode: "ro", target };
    await expect(approvePath(request, context)).rejects.toMatchObject(refusal);
  });
});

describe("a path the agent can write to", () => {
  test("is no place to approve another in, before or after", async () => {
    await using scene = await makeScene();
    scene.scratch.folder("data/sub");
    const [outer, inner] = [scene.at("data"), scene.at("data/sub")];
    const inside = { ...scene.context, approved: [approvedAt(outer, "rw")] };
    const around = { ...scene.context, approved: [approvedAt(inner, "ro")] };
    for (const mode of everyMode) {
      await expect(approvePath({ host: inner, mode }, inside)).rejects.toMatchObject(refusal);
    }
    await expect(approvePath({ host: outer, mode: "rw" }, around)).rejects.toMatchObject(refusal);
    const sibling = scene.scratch.folder("data-2");
    expect(await approvePath({ host: sibling, mode: "rw" }, inside)).toMatchObject({ hostPath: sibling });
  });
});

describe("a path swapped for a link while it is checked", () => {
  test("is either refused or approved as the folder it was", async () => {
    await using scene = await makeScene();
    const real = scene.scratch.folder("race/real");
    scene.scratch.folder("race/work");
    const inode = String(lstatSync(real, { bigint: true }).ino);
    const script = `cd "$0" || exit; while :; do mv -T real work/x 2>/dev/null; ln -sfn "$1" real; rm -f real; mv -T work/x real 2>/dev/null; done`;
    const swapper = spawn("/bin/sh", ["-c", script, scene.at("race"), scene.at("home/me/.ssh")]);
    try {
      const inodes = new Set<string>();
      for (let round = 0; round < 500; round++) {
        const answer = await approvePath({ host: real, mode: "ro" }, scene.context).catch((error: unknown) => error);
        if (answer instanceof Error) expect(answer).toMatchObject({ code: "E_MOUNT_REFUSED" });
        else {
          const { hostPath, ...approved } = answer as ApprovedPath;
          expect(hostPath.includes(".ssh")).toBe(false);
          inodes.add(approved.inode);
        }
      }
      expect([...inodes].filter((each) => each !== inode)).toEqual([]);
    } finally {
      swapper.kill("SIGKILL");
    }
  });
});
