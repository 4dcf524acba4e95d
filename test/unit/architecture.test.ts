import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const source = new URL("../../src", import.meta.url).pathname;

/** The floors of the house: a folder imports only from lower floors, never from its neighbours. */
const floors: Readonly<Record<string, number>> = {
  base: 0,
  model: 1,
  text: 1,
  risk: 2,
  wire: 2,
  trust: 2,
  aws: 2,
  hooks: 2,
  engine: 3,
  agents: 3,
  workspace: 3,
  wall: 3,
  changes: 3,
  policy: 3,
  image: 3,
  journal: 3,
  config: 3,
  credentials: 3,
  apply: 3,
  git: 3,
  gate: 3,
  gateway: 3,
  intercept: 3,
  tools: 3,
  acp: 3,
  questions: 3,
  session: 4,
  mcp: 5,
  cli: 6,
};

function listFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? listFiles(path) : [path];
  });
}

const files = listFiles(source).filter((path) => path.endsWith(".ts"));

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

const roomOf = (path: string): string => relative(source, path).split("/")[0] ?? "";

describe("the house", () => {
  test("every folder has a floor", () => {
    const rooms = new Set(files.map(roomOf).filter((room) => !room.endsWith(".ts")));
    expect([...rooms].filter((room) => floors[room] === undefined)).toEqual([]);
  });

  test("imports go down, never up or sideways", () => {
    const wrong = files.flatMap((file) => {
      const room = roomOf(file);
      if (room.endsWith(".ts")) return [];
      return importsOf(file)
        .filter((target) => target.startsWith("."))
        .map((target) => roomOf(join(dirname(file), target)))
        .filter((target) => target !== room && (floors[target] ?? 99) >= (floors[room] ?? 0))
        .map((target) => `${relative(source, file)} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test("only the engine room knows dockerode", () => {
    const users = files.filter((file) => importsOf(file).includes("dockerode")).map(roomOf);
    expect(new Set(users)).toEqual(new Set(["engine"]));
  });

  test("only bin.ts touches the process's environment, arguments, streams and exit", () => {
    const users = files.filter((file) =>
      /(?<![#.\w])process\.(env|argv|stdin|stdout|stderr|exit|exitCode|cwd)\b/.test(readFileSync(file, "utf8")),
    );
    expect(users.map((file) => relative(source, file))).toEqual(["bin.ts"]);
  });

  test("no file is longer than 300 lines", () => {
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 301);
    expect(long.map((file) => relative(source, file))).toEqual([]);
  });
});
