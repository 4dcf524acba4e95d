import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AirlockError } from "../../../src/base/errors.js";
import { approve, grantsOf, isApproved, requireApproval } from "../../../src/config/approve.js";
import { type LoadedConfig, loadConfigFile } from "../../../src/config/load.js";

const gibibyte = 1024 ** 3;
let folder: string;
let project: string;
let home: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "airlock-approve-")));
  [project, home] = [join(folder, "shop"), join(folder, "state")];
  mkdirSync(project);
  mkdirSync(home, { mode: 0o700 });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function load(text: string): Promise<LoadedConfig> {
  const file = join(project, "airlock.yaml");
  writeFileSync(file, text);
  const loaded = await loadConfigFile(file, "project");
  if (loaded === null) throw new Error("not there");
  return loaded;
}

async function errorOf(work: Promise<unknown>): Promise<AirlockError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AirlockError) return error;
  throw new Error(`no error of ours: ${String(error)}`);
}

describe("what a project's file asks for", () => {
  test("each thing that loosens is one line in plain words", () => {
    expect(
      grantsOf({
        image: "acme/dev:1",
        runtime: "runsc",
        user: "root",
        paths: [
          { host: "/data", mode: "ro" },
          { host: "/cache", mode: "cow", target: "/mnt/cache" },
          { host: "/out", mode: "rw" },
        ],
        env: { NODE_ENV: "test", PORT: 80 },
        unmask: ["*.pem"],
        limits: { memory: 6 * gibibyte, cpus: 8, pids: 5_000, disk: 1_536 * gibibyte },
        onExit: "discard",
      }),
    ).toEqual([
      "the image acme/dev:1",
      "the container runtime runsc",
      "root inside, with a writable container root",
      "the path /data, read-only",
      "the path /cache, read, with writes kept in the session, at /mnt/cache",
      "the path /out, WRITTEN THROUGH to this machine",
      "the variable NODE_ENV=test",
      "the variable PORT=80",
      "files shown although they look like secrets: *.pem",
      "more memory: 6 GiB instead of 4 GiB",
      "more processors: 8 instead of 2",
      "more processes: 5000 instead of 1024",
      "more disk: 1.5 TiB instead of 20 GiB",
      "sessions discarded without a look when their command ends",
    ]);
  });

  test("what tightens is not among them", () => {
    const limits = { memory: gibibyte, cpus: 0.5, pids: 20, disk: gibibyte, timeout: 60 };
    expect(grantsOf({ user: "agent", workspace: "upload", mask: ["**"], limits, onExit: "review" })).toEqual([]);
    expect(grantsOf({ workspace: "overlay", onExit: "keep" })).toEqual([]);
    expect(grantsOf({})).toEqual([]);
  });

  test("a line cannot be made to look like two, or like another", () => {
    const forged = "x\n  - nothing else\u202e\u001b[2J";
    const lines = grantsOf({
      image: forged,
      runtime: forged,
      paths: [{ host: `/${forged}`, mode: "ro", target: `/${forged}` }],
      env: { A: forged },
      unmask: [forged],
    });
    expect(lines).toHaveLength(5);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
    for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe("approval", () => {
  test("is asked for with the list and the command, given once, and bound to every byte", async () => {
    const loaded = await load("user: root\nimage: acme/dev\n");
    const refusal = await errorOf(requireApproval(home, project, loaded));
    expect(refusal).toMatchObject({ code: "E_CONFIG_NOT_APPROVED", hint: "if you want that: airlock config approve" });
    expect(refusal.message).toContain("  - the image acme/dev\n  - root inside");

    await approve(home, project, loaded);
    await requireApproval(home, project, loaded);

    const changed = await load("user: root\nimage: acme/dev\n\n");
    expect((await errorOf(requireApproval(home, project, changed))).code).toBe("E_CONFIG_NOT_APPROVED");
    await requireApproval(home, project, await load("user: root\nimage: acme/dev\n"));
  });

  test("is not needed for what only tightens, even with approvals that cannot be read", async () => {
    writeFileSync(join(home, "approvals.json"), "{");
    await requireApproval(home, project, await load("mask: ['*.csv']\nlimits: {memory: 1g}\n"));
  });

  test("is of the folder: neither another project's, nor a link's that was turned", async () => {
    const loaded = await load("user: root\n");
    const other = join(folder, "other");
    const link = join(folder, "link");
    mkdirSync(other);
    symlinkSync("shop", link);
    await approve(home, link, loaded);
    expect(await isApproved(home, project, loaded)).toBe(true);
    expect(await isApproved(home, other, loaded)).toBe(false);
    rmSync(link);
    symlinkSync("other", link);
    expect(await isApproved(home, link, loaded)).toBe(false);
  });

  test("of several projects at once loses none", async () => {
    const names = Array.from({ length: 8 }, (_, index) => join(folder, `p${index}`));
    for (const name of names) mkdirSync(name);
    const loaded = await load("user: root\n");
    await Promise.all(names.map((name) => approve(home, name, loaded)));
    expect(await Promise.all(names.map((name) => isApproved(home, name, loaded)))).toEqual(names.map(() => true));
  });

  test("is kept in a file of one's own that is replaced as a whole", async () => {
    await approve(home, project, await load("user: root\n"));
    const file = join(home, "approvals.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Object.keys(JSON.parse(readFileSync(file, "utf8")))).toEqual([project]);
  });
});

describe("a damaged record of approvals approves nothing and says so", () => {
  const sha = "a".repeat(64);
  const damages: Readonly<Record<string, (file: string) => void>> = {
    empty: (file) => writeFileSync(file, ""),
    "cut off": (file) => writeFileSync(file, `{"${project}": ["${sha}"`),
    "a list": (file) => writeFileSync(file, "[]"),
    "an approval of everything": (file) => writeFileSync(file, `{"${project}": true}`),
    "a hash that is none": (file) => writeFileSync(file, `{"${project}": ["*"]}`),
    "a path that is none": (file) => writeFileSync(file, `{"*": ["${sha}"]}`),
    "a folder": (file) => mkdirSync(file),
    "a link": (file) => {
      writeFileSync(`${file}.real`, "{}");
      symlinkSync(`${file}.real`, file);
    },
    "writable for others": (file) => {
      writeFileSync(file, "{}");
      chmodSync(file, 0o666);
    },
  };

  test.each(Object.keys(damages))("%s", async (name) => {
    const loaded = await load("user: root\n");
    damages[name]?.(join(home, "approvals.json"));
    expect((await errorOf(requireApproval(home, project, loaded))).code).toBe("E_STATE_DAMAGED");
    expect((await errorOf(approve(home, project, loaded))).code).toBe("E_STATE_DAMAGED");
  });
});
