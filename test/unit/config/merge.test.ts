import { describe, expect, test } from "vitest";
import { defaultLimits } from "../../../src/config/defaults.js";
import { environmentValues } from "../../../src/config/environment.js";
import type { LoadedConfig } from "../../../src/config/load.js";
import { type FlagValues, mergeConfig } from "../../../src/config/merge.js";
import type { FileConfig } from "../../../src/config/schema.js";
import { suggestKey } from "../../../src/config/suggest.js";

const gibibyte = 1024 ** 3;
const file = (config: FileConfig): LoadedConfig => ({ file: "/p/airlock.yaml", sha256: "0".repeat(64), config });

interface Given {
  readonly flags?: FlagValues;
  readonly environment?: FlagValues;
  readonly project?: FileConfig;
  readonly user?: FileConfig;
}

const merge = ({ flags = {}, environment, project, user }: Given) =>
  mergeConfig({
    flags,
    environment,
    project: project === undefined ? null : file(project),
    user: user === undefined ? null : file(user),
  });

describe("precedence", () => {
  test("nothing given: the defaults", () => {
    const config = merge({});
    expect(config).toMatchObject({
      user: "agent",
      limits: defaultLimits,
      paths: [],
      env: {},
      mask: [],
      allowRw: false,
    });
    expect(new Set(Object.values(config.origins))).toEqual(new Set(["default"]));
  });

  const places = ["flags", "environment", "project", "user"] as const;
  const names = { flags: "flag", environment: "environment", project: "project", user: "user" } as const;

  test.each(places.map((place, index) => [place, places.slice(index)] as const))(
    "%s comes before what follows it",
    (place, rest) => {
      const given = Object.fromEntries(rest.map((each) => [each, { image: `of-${each}`, onExit: "keep" as const }]));
      const config = merge(given);
      expect(config.image).toBe(`of-${place}`);
      expect(config.origins).toMatchObject({ image: names[place], onExit: names[place], user: "default" });
    },
  );

  test("limits are taken one by one", () => {
    const config = merge({
      flags: { cpus: 8 },
      environment: { pids: 99 },
      project: { limits: { memory: gibibyte } },
      user: { limits: { disk: 2 * gibibyte, memory: 3 * gibibyte } },
    });
    expect(config.limits).toEqual({
      cpus: 8,
      pids: 99,
      memoryBytes: gibibyte,
      diskBytes: 2 * gibibyte,
      timeoutSeconds: 0,
    });
    expect(config.origins).toMatchObject({
      "limits.cpus": "flag",
      "limits.pids": "environment",
      "limits.memory": "project",
      "limits.disk": "user",
      "limits.timeout": "default",
    });
  });

  test("lists add up, and variables of the project come over the user's", () => {
    const config = merge({
      project: { mask: ["a"], unmask: ["b"], paths: [{ host: "/p", mode: "ro" }], env: { A: "1", B: true } },
      user: { mask: ["c"], unmask: ["d"], paths: [{ host: "/u", mode: "cow" }], env: { A: "0", C: 3 } },
    });
    expect(config.mask).toEqual(["c", "a"]);
    expect(config.unmask).toEqual(["d", "b"]);
    expect(config.paths.map(({ host }) => host)).toEqual(["/u", "/p"]);
    expect(config.env).toEqual({ A: "1", B: "true", C: "3" });
  });

  test("the result cannot be changed, however deep", () => {
    const config = merge({ project: { paths: [{ host: "/p", mode: "ro" }], mask: ["a"] } });
    expect(() => Object.assign(config, { user: "root" })).toThrow(TypeError);
    expect(() => Object.assign(config.limits, { pids: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.paths[0] ?? {}, { mode: "rw" })).toThrow(TypeError);
    expect(() => (config.mask as string[]).pop()).toThrow(TypeError);
  });
});

describe("a project never takes back a limit of the user's", () => {
  test.each<
    [
      string,
      project: NonNullable<FileConfig["limits"]>,
      user: NonNullable<FileConfig["limits"]>,
      keyof typeof defaultLimits,
      number,
    ]
  >([
    ["lower memory tightens", { memory: gibibyte }, { memory: 2 * gibibyte }, "memoryBytes", gibibyte],
    [
      "higher memory up to the default does not",
      { memory: 3 * gibibyte },
      { memory: gibibyte },
      "memoryBytes",
      gibibyte,
    ],
    [
      "memory over the default was approved",
      { memory: 8 * gibibyte },
      { memory: gibibyte },
      "memoryBytes",
      8 * gibibyte,
    ],
    [
      "memory below a higher one of the user's tightens",
      { memory: 3 * gibibyte },
      { memory: 64 * gibibyte },
      "memoryBytes",
      3 * gibibyte,
    ],
    ["more processes up to the default do not", { pids: 1_000 }, { pids: 100 }, "pids", 100],
    ["no end does not replace an end", { timeout: 0 }, { timeout: 60 }, "timeoutSeconds", 60],
    ["a later end does not", { timeout: 120 }, { timeout: 60 }, "timeoutSeconds", 60],
    ["an earlier end does", { timeout: 30 }, { timeout: 60 }, "timeoutSeconds", 30],
    ["an end where the user has none does", { timeout: 30 }, { timeout: 0 }, "timeoutSeconds", 30],
  ])("%s", (_name, project, user, field, expected) => {
    expect(merge({ project: { limits: project }, user: { limits: user } }).limits[field]).toBe(expected);
  });

  test("and never allows what is written through", () => {
    // As if the schema let it pass.
    expect(merge({ project: { allowRw: true } }).allowRw).toBe(false);
    expect(merge({ user: { allowRw: true } }).allowRw).toBe(true);
    expect(merge({ project: { record: false } }).record).toBe(true);
    expect(merge({ user: { record: false } }).record).toBe(false);
    expect(merge({ flags: { allowRw: true } }).origins["allowRw"]).toBe("flag");
  });

  test("nor says which snapshots are kept", () => {
    const usual = { auto: false, keep: 20, maxAgeSeconds: 604_800, maxBytes: 2 * 1024 ** 3, appliesTo: "auto" };
    expect(merge({ project: { snapshots: { auto: true, keep: 1, appliesTo: "all" } } }).snapshots).toEqual(usual);
    const { snapshots, origins } = merge({ user: { snapshots: { auto: true, keep: 0, maxSize: 0 } } });
    expect(snapshots).toEqual({ ...usual, auto: true, keep: 0, maxBytes: 0 });
    expect([origins["snapshots.keep"], origins["snapshots.maxAge"]]).toEqual(["user", "default"]);
    expect(merge({ flags: { autoSnapshot: false }, user: { snapshots: { auto: true } } }).snapshots.auto).toBe(false);
  });
});

describe("variables of the environment", () => {
  test("each setting has one; empty means not set", () => {
    expect(
      environmentValues({
        AIRLOCK_IMAGE: "i",
        AIRLOCK_RUNTIME: "runsc",
        AIRLOCK_USER: "root",
        AIRLOCK_WORKSPACE: "upload",
        AIRLOCK_ON_EXIT: "discard",
        AIRLOCK_MEMORY: "1g",
        AIRLOCK_CPUS: "1.5",
        AIRLOCK_PIDS: "77",
        AIRLOCK_DISK: "2g",
        AIRLOCK_TIMEOUT: "1h",
      }),
    ).toEqual({
      image: "i",
      runtime: "runsc",
      user: "root",
      workspace: "upload",
      onExit: "discard",
      memoryBytes: gibibyte,
      cpus: 1.5,
      pids: 77,
      diskBytes: 2 * gibibyte,
      timeoutSeconds: 3_600,
    });
    expect(Object.values(environmentValues({ AIRLOCK_IMAGE: "" })).filter((value) => value !== undefined)).toEqual([]);
  });

  test.each([
    ["AIRLOCK_USER", "admin"],
    ["AIRLOCK_WORKSPACE", "Overlay"],
    ["AIRLOCK_ON_EXIT", "yes"],
    ["AIRLOCK_MEMORY", "lots"],
    ["AIRLOCK_CPUS", "0"],
    ["AIRLOCK_CPUS", "1e9"],
    ["AIRLOCK_PIDS", "1.5"],
    ["AIRLOCK_DISK", "-1g"],
    ["AIRLOCK_TIMEOUT", "soon"],
  ])("%s=%s is an error, not a default", (name, value) => {
    expect(() => environmentValues({ [name]: value })).toThrow(`the variable ${name} is "${value}"`);
  });
});

describe("the suggestion for a mistaken key", () => {
  const known = ["image", "runtime", "mask", "unmask"];
  test.each([
    ["imgae", "image"],
    ["IMAGE", "image"],
    ["run-time", "runtime"],
    ["umask", "mask"],
    ["xyz", undefined],
    ["", undefined],
    ["k".repeat(100_000), undefined],
  ])("%j gives %s", (wrong, meant) => expect(suggestKey(wrong, known)).toBe(meant));
});
