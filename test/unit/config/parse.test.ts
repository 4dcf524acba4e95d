import { describe, expect, test } from "vitest";
import { AirlockError } from "../../../src/base/errors.js";
import { parseConfig } from "../../../src/config/parse.js";
import { compileGlob } from "../../../src/text/glob.js";

const file = "/work/shop/airlock.yaml";
const parse = (text: string) => parseConfig(text, file, "project");

function mistakeOf(work: () => unknown): AirlockError {
  try {
    work();
  } catch (error) {
    if (error instanceof AirlockError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const mistakeIn = (text: string, kind: "project" | "user" = "project"): AirlockError =>
  mistakeOf(() => parseConfig(text, file, kind));

describe("a good configuration", () => {
  test("an empty file and one of comments only set nothing", () => {
    expect(parse("")).toEqual({});
    expect(parse("# nothing\n---\n")).toEqual({});
  });

  test("every key is read", () => {
    const text = `
image: ghcr.io/acme/dev:1
runtime: runsc
user: root
workspace: upload
paths:
  - host: /data/sets
  - host: ../schemas
    mode: cow
    target: /mnt/schemas
env: {NODE_ENV: test}
mask: [customers/*.csv]
unmask: [test/fixtures/*.pem]
limits: {memory: 2g, cpus: 1.5, pids: 512, disk: 1g, timeout: 30m}
onExit: keep
`;
    expect(parse(text)).toEqual({
      image: "ghcr.io/acme/dev:1",
      runtime: "runsc",
      user: "root",
      workspace: "upload",
      paths: [
        { host: "/data/sets", mode: "ro" },
        { host: "/work/shop/../schemas", mode: "cow", target: "/mnt/schemas" },
      ],
      env: { NODE_ENV: "test" },
      mask: ["customers/*.csv"],
      unmask: ["test/fixtures/*.pem"],
      limits: { memory: 2 * 1024 ** 3, cpus: 1.5, pids: 512, disk: 1024 ** 3, timeout: 1_800 },
      onExit: "keep",
    });
  });

  test("values of variables arrive as they are written, whatever YAML takes them for", () => {
    const { env } = parse("env:\n  A: 0x50\n  B: 1.10\n  C: 007\n  D: true\n  E: 1e3\n  F: no\n  G: '12'\n  H: ''\n");
    expect(env).toEqual({ A: "0x50", B: "1.10", C: "007", D: "true", E: "1e3", F: "no", G: "12", H: "" });
  });

  test("relative paths are meant from the project, also behind a home sign that is none", () => {
    const { paths } = parse("paths:\n  - host: ../a\n  - host: ~/b\n  - host: ../~c\n");
    expect(paths?.map(({ host }) => host)).toEqual(["/work/shop/../a", "~/b", "/work/shop/../~c"]);
  });
});

describe("a mistake is told with its place, what it is and what to do", () => {
  test.each<[name: string, text: string, place: string, what: RegExp, hint: RegExp]>([
    ["unknown key", "user: agent\nimgae: x\n", ":2:1", /unknown key "imgae"/, /did you mean "image"/],
    ["unknown key in capitals", "Mask: []\n", ":1:1", /unknown key "Mask"/, /did you mean "mask"/],
    ["unknown key far from all", "zebras: []\n", ":1:1", /unknown key "zebras"/, /known keys: image, runtime/],
    ["unknown limit", "limits:\n  memroy: 1g\n", ":2:3", /unknown key "memroy"/, /did you mean "memory"/],
    [
      "unknown key of a path",
      "paths:\n  - host: /a\n    moed: ro\n",
      ":3:5",
      /unknown key "moed"/,
      /did you mean "mode"/,
    ],
    ["a switch that only the user has", "allowRw: true\n", ":1:1", /unknown key "allowRw"/, /your own configuration/],
    ["a word about its own traces", "record: false\n", ":1:1", /unknown key "record"/, /your own configuration/],
    ["what a project would save", "snapshots: {}\n", ":1:1", /unknown key "snapshots"/, /--auto-snapshot/],
    ["a key of another program's objects", "__proto__: {}\n", ":1:1", /unknown key "__proto__"/, /known keys/],
    ["a merge key", "<<: {user: root}\n", ":1:1", /unknown key "<<"/, /known keys/],
    ["wrong type", "user: agent\nmask: all\n", ":2:7", /mask: .*expected array/, /config schema/],
    ["wrong word", "user: admin\n", ":1:7", /user: .*"agent"\|"root"/, /config schema/],
    ["a list at the top", "- a\n", ":1:1", /the file: .*expected object/, /config schema/],
    ["a text at the top", "hello\n", ":1:1", /the file: .*expected object/, /config schema/],
    ["bad size", "limits:\n  memory: lots\n", ":2:11", /limits.memory: not a size/, /config schema/],
    ["size of the wrong type", "limits:\n  memory: [1]\n", ":2:11", /limits.memory: not a size/, /config schema/],
    ["too little memory", "limits: {memory: 1k}\n", ":1:18", /at least 16m/, /config schema/],
    ["bad duration", "limits: {timeout: soon}\n", ":1:19", /not a duration/, /config schema/],
    ["negative processors", "limits: {cpus: -1}\n", ":1:16", /limits.cpus/, /config schema/],
    ["part of a process", "limits: {pids: 20.5}\n", ":1:16", /limits.pids/, /config schema/],
    ["bad name of a variable", "env:\n  A-B: x\n", ":2:3", /env.A-B: not a variable's name/, /config schema/],
    ["a variable of the wall", "env:\n  AIRLOCK_EXEC: x\n", ":2:3", /not a variable's name/, /config schema/],
    ["empty variable", "env:\n  A:\n", "", /env.A: not a text/, /config schema/],
    ["a list for a variable", "env:\n  A: [1]\n", ":2:6", /env.A: not a text/, /config schema/],
    ["NUL in a variable", 'env:\n  A: "x\\0y"\n', ":2:6", /env.A: it holds a NUL/, /config schema/],
    ["relative target", "paths: [{host: /a, target: b}]\n", ":1:28", /paths.0.target/, /config schema/],
    ["path without host", "paths:\n  - mode: ro\n", "", /paths.0.host/, /config schema/],
    [
      "path in the project",
      "paths:\n  - host: ./link\n",
      ":2:11",
      /paths.0.host: it lies in the project/,
      /leave it out/,
    ],
    ["the project itself", "paths: [{host: .}]\n", ":1:16", /it lies in the project/, /leave it out/],
    [
      "path in the project by a detour",
      "paths: [{host: ../shop/x}]\n",
      ":1:16",
      /it lies in the project/,
      /leave it out/,
    ],
    [
      "the project by its own path",
      "paths: [{host: /work/shop/x}]\n",
      ":1:16",
      /it lies in the project/,
      /leave it out/,
    ],
    ["empty glob", 'mask: [""]\n', ":1:8", /mask.0/, /config schema/],
    ["not YAML", "user: [agent\n", ":", /./, /YAML/],
    ["tab", "limits:\n\tmemory: 1g\n", ":2:1", /[Tt]ab/, /YAML/],
    ["duplicate key", "user: agent\nuser: root\n", ":2:1", /the key "user" is there twice/, /./],
    ["a list for a key", "? [a]\n: x\n", ":1:3", /plain word/, /./],
    ["two documents", "user: agent\n---\nuser: root\n", ":2:1", /multiple documents/, /YAML/],
    ["alias", "mask: &m [a]\nunmask: *m\n", ":1:10", /anchors/, /./],
    ["alias to nothing", "mask: *m\n", ":1:7", /alias/i, /./],
    ["tag of a program", "user: !!js/function x\n", ":1:", /./, /./],
    ["own tag", "user: !agent agent\n", ":1:", /tag/i, /./],
    ["unfinished text", 'user: "agent\n', ":", /./, /YAML/],
  ])("%s", (_name, text, place, what, hint) => {
    const mistake = mistakeIn(text);
    expect(mistake.code).toBe("E_CONFIG_INVALID");
    expect(mistake.message.startsWith(`${file}${place}`)).toBe(true);
    expect(mistake.message).toMatch(what);
    expect(mistake.hint).toMatch(hint);
  });

  test("the user's own file may be told of paths in full only", () => {
    expect(mistakeIn("paths: [{host: ../a}]\n", "user").message).toMatch(
      /airlock\.yaml:1:16: paths\.0\.host: not an absolute/,
    );
    expect(parseConfig("allowRw: true\npaths: [{host: /a, mode: rw}]\n", file, "user").allowRw).toBe(true);
  });

  test("control characters of a key do not reach the message", () => {
    expect(mistakeIn('"\\e[2J": 1\n').message).toBe(`${file}:1:1: unknown key "\\x1b[2J"`);
  });
});

describe("patterns", () => {
  test("that cannot be used are told with their place, by whoever matches them", () => {
    const mistake = mistakeOf(() =>
      parseConfig("mask:\n  - ok\nunmask:\n  - ok\n  - '[a'\n", file, "project", compileGlob),
    );
    expect(mistake.code).toBe("E_CONFIG_INVALID");
    expect(mistake.message).toMatch(/^\/work\/shop\/airlock\.yaml:5:5: unmask\.1: .*\[a/);
    expect(mistake.hint).toMatch(/patterns know/);
    expect(parseConfig("mask: ['*.{csv,db}']\n", file, "project", compileGlob).mask).toEqual(["*.{csv,db}"]);
  });
});

describe("hostile YAML", () => {
  const laughs = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ..."bcdefghij".split("").map((name, index) => {
      const before = "abcdefghij"[index];
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(",")}]`;
    }),
  ].join("\n");

  test.each([
    ["a billion laughs", laughs],
    ["brackets 100,000 deep", `mask: ${"[".repeat(100_000)}`],
    ["braces 100,000 deep", `env: ${"{a: ".repeat(50_000)}`],
    ["lists 50,000 deep", `mask:\n${"- ".repeat(50_000)}x`],
    ["keys 50,000 deep", "? ".repeat(50_000)],
    ["20,000 keys", `env:\n${Array.from({ length: 20_000 }, (_, index) => `  k${index}: 1`).join("\n")}\n  k1: 2\n`],
    ["one key of 200,000 characters", `${"k".repeat(200_000)}: 1`],
    ["100,000 question marks", "?".repeat(100_000)],
    ["100,000 quotes", "'".repeat(100_001)],
  ])("%s is refused in no time", (_name, text) => {
    const start = performance.now();
    expect(mistakeIn(text).code).toBe("E_CONFIG_INVALID");
    expect(performance.now() - start).toBeLessThan(3_000);
  });
});
