import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { resolveEngine, type Whereabouts } from "../../../src/engine/resolve.js";

const key = (name: string) => createHash("sha256").update(name).digest("hex");

/** A machine with these files; a file without content exists only. */
function machine(changes: Partial<Whereabouts> & { readonly files?: Record<string, string> } = {}): Whereabouts {
  const { files = {}, ...rest } = changes;
  return {
    explicit: undefined,
    env: {},
    homedir: "/home/u",
    platform: "linux",
    uid: 1000,
    airlockHome: "/home/u/.airlock",
    readText: (path) => files[path] ?? null,
    exists: (path) => Object.keys(files).some((file) => file === path || file.startsWith(`${path}/`)),
    ...rest,
  };
}

function context(name: string, docker: unknown, folder = "/home/u/.docker"): Record<string, string> {
  return {
    [`${folder}/contexts/meta/${key(name)}/meta.json`]: JSON.stringify({ Name: name, Endpoints: { docker } }),
  };
}

const inUse = (name: string) => ({ "/home/u/.docker/config.json": JSON.stringify({ currentContext: name }) });

describe("which engine is used", () => {
  const everything = {
    ...inUse("work"),
    ...context("work", { Host: "ssh://work" }),
    ...context("play", { Host: "unix:///play.sock" }),
    "/var/run/docker.sock": "",
  };
  const env = { AIRLOCK_ENGINE: "/airlock.sock", DOCKER_HOST: "unix:///host.sock", DOCKER_CONTEXT: "play" };

  test.each([
    ["the flag before all", "unix:///flag.sock", env, "unix:///flag.sock", "--engine"],
    ["AIRLOCK_ENGINE next", undefined, env, "unix:///airlock.sock", "AIRLOCK_ENGINE"],
    ["then DOCKER_HOST", undefined, { ...env, AIRLOCK_ENGINE: "" }, "unix:///host.sock", "DOCKER_HOST"],
    ["then DOCKER_CONTEXT", undefined, { DOCKER_CONTEXT: "play" }, "unix:///play.sock", 'context "play"'],
    ["then docker's current context", undefined, {}, "ssh://work", 'context "work"'],
    ["a context's name given by flag", "play", env, "unix:///play.sock", 'context "play"'],
  ])("%s", (_what, explicit, given, address, source) => {
    const { decided, candidates } = resolveEngine(machine({ explicit, env: given, files: everything }));
    expect(decided).toMatchObject({ address, source });
    expect(candidates).toEqual([]);
  });

  test("then the sockets that exist, in their order, and the ones that do not are told", () => {
    const files = {
      "/run/user/1000/docker.sock": "",
      "/run/podman/podman.sock": "",
      "/home/u/.airlock/engine/docker.sock": "",
    };
    const { decided, candidates, looked } = resolveEngine(machine({ files }));
    expect(decided).toBeNull();
    expect(candidates.map(({ source }) => source)).toEqual([
      "rootless socket",
      "Podman's socket",
      "Airlock's own engine",
    ]);
    expect(looked).toContainEqual({
      source: "default socket",
      address: "unix:///var/run/docker.sock",
      verdict: "absent",
      detail: "no such socket",
    });
    expect(looked.filter(({ verdict }) => verdict === "not set").map(({ source }) => source)).toEqual([
      "--engine, AIRLOCK_ENGINE",
      "DOCKER_HOST",
      "docker context",
    ]);
  });

  test("docker's default context means the sockets", () => {
    const files = { ...everything, ...inUse("default") };
    expect(resolveEngine(machine({ files })).candidates).toHaveLength(1);
    expect(resolveEngine(machine({ env: { DOCKER_CONTEXT: "default" }, files: everything })).decided).toBeNull();
  });

  test("XDG_RUNTIME_DIR and DOCKER_CONFIG move what lies there; root has no Podman of its own", () => {
    const files = {
      ...context("c", { Host: "unix:///c.sock" }, "/conf"),
      "/x/docker.sock": "",
      "/x/podman/podman.sock": "",
    };
    const sources = (uid: number) =>
      resolveEngine(machine({ env: { XDG_RUNTIME_DIR: "/x" }, files, uid })).candidates.map(({ source }) => source);
    expect(sources(1000)).toEqual(["rootless socket", "Podman's socket of the user"]);
    expect(sources(0)).toEqual(["rootless socket"]);
    const env = { DOCKER_CONFIG: "/conf", DOCKER_CONTEXT: "c" };
    expect(resolveEngine(machine({ env, files })).decided?.address).toBe("unix:///c.sock");
  });

  test("macOS and Windows have their own places", () => {
    const files = { "/home/u/.docker/run/docker.sock": "" };
    expect(resolveEngine(machine({ platform: "darwin", files })).candidates[0]?.source).toBe("Docker Desktop's socket");
    const pipe = machine({ platform: "win32", exists: () => true });
    expect(resolveEngine(pipe).candidates[0]?.address).toBe("npipe:////./pipe/docker_engine");
  });
});

describe("TLS", () => {
  test.each([
    ["plain without a word of it", {}, { kind: "tcp", address: "tcp://h:2375" }],
    [
      "verified with DOCKER_TLS_VERIFY",
      { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" },
      { kind: "tls", address: "tcp://h:2376", certificates: "/certs", skipTlsVerify: false },
    ],
    [
      "with docker's own folder when no other is said",
      { DOCKER_TLS_VERIFY: "1" },
      { kind: "tls", certificates: "/home/u/.docker", skipTlsVerify: false },
    ],
    ["unverified with DOCKER_TLS alone", { DOCKER_TLS: "1" }, { kind: "tls", skipTlsVerify: true }],
  ])("is %s", (_what, env, expected) => {
    expect(resolveEngine(machine({ env: { ...env, DOCKER_HOST: "tcp://h" } })).decided).toMatchObject(expected);
    expect(resolveEngine(machine({ env: { ...env, DOCKER_HOST: "h" } })).decided).toMatchObject(expected);
  });

  test("of a context is the context's, whatever the environment says of DOCKER_HOST", () => {
    const files = {
      ...inUse("c"),
      ...context("c", { Host: "tcp://h:99", SkipTLSVerify: false }),
      [`/home/u/.docker/contexts/tls/${key("c")}/docker/ca.pem`]: "",
    };
    expect(resolveEngine(machine({ files, env: { DOCKER_TLS: "1", DOCKER_CERT_PATH: "/other" } })).decided).toEqual({
      kind: "tls",
      address: "tcp://h:99",
      certificates: `/home/u/.docker/contexts/tls/${key("c")}/docker`,
      skipTlsVerify: false,
      source: 'context "c"',
    });
  });
});

describe("bad input is refused, never guessed at", () => {
  test.each([
    "ftp://host",
    "tcp://",
    "ssh://",
    "ssh://-oProxyCommand=touch@host",
    "ssh://-oProxyCommand=x",
    "ssh://user:password@host",
    "ssh://host/a b",
    "ssh://host/$(touch x)",
    "ssh://us%20er@host",
    "tcp://user@host",
    "no-such-context",
    "unix://",
  ])("%s", (explicit) => {
    expect(() => resolveEngine(machine({ explicit }))).toThrow(expect.objectContaining({ code: "E_USAGE" }));
  });

  test.each([
    ["a configuration that is no JSON", { "/home/u/.docker/config.json": "{" }],
    ["a current context that is no text", { "/home/u/.docker/config.json": '{"currentContext":7}' }],
    ["a context without an address", { ...inUse("c"), ...context("c", {}) }],
    [
      "a context of another name",
      {
        ...inUse("c"),
        [`/home/u/.docker/contexts/meta/${key("c")}/meta.json`]: JSON.stringify({
          Name: "d",
          Endpoints: { docker: { Host: "unix:///x" } },
        }),
      },
    ],
    ["a context whose address is none", { ...inUse("c"), ...context("c", { Host: "nowhere" }) }],
  ])("%s", (_what, files) => {
    expect(() => resolveEngine(machine({ files }))).toThrow(expect.objectContaining({ code: "E_CONFIG_INVALID" }));
  });

  test("a current context that is gone", () => {
    expect(() => resolveEngine(machine({ files: inUse("gone") }))).toThrow(/gone/);
  });
});
