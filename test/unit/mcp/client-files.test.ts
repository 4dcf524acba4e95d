import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { installClient, printedFile, uninstallClient } from "../../../src/mcp/clients/client-files.js";
import { type ClientName, clientFiles, clientNames } from "../../../src/mcp/clients/client-table.js";

let root: string;
let home: string;
let project: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "airlock-clients-"));
  home = join(root, "home");
  project = join(root, "project");
  mkdirSync(home);
  mkdirSync(project);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const command = { command: "/opt/airlock/bin/airlock", args: ["mcp"] };

function parts(client: ClientName, ofProject = false, env: Record<string, string> = {}) {
  const place = { homedir: home, env, project: ofProject ? project : null };
  const target = { client, project: place.project, place: { folder: join(root, "state/clients") } };
  return { files: clientFiles(client, place, command), target };
}

function put(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe.each([false, true])("an install (of the project: %s)", (ofProject) => {
  test.each(clientNames)("%s: writes files that did not exist, and takes them away again", async (client) => {
    const { files, target } = parts(client, ofProject);
    const reports = await installClient(files, target);
    expect(reports.map(({ change }) => change)).toEqual(files.map(() => "written"));
    for (const { path, format } of files) {
      expect(path.startsWith(ofProject ? project : home)).toBe(true);
      const text = readFileSync(path, "utf8");
      expect(() => (format === "toml" ? parseToml(text) : JSON.parse(text))).not.toThrow();
      expect(text).toContain("/opt/airlock/bin/airlock");
      expect(statSync(path).mode & 0o777).toBe(ofProject ? 0o644 : 0o600);
    }
    expect((await installClient(files, target)).every(({ change }) => change === "unchanged")).toBe(true);
    await uninstallClient(files, target);
    expect(readdirSync(ofProject ? project : home)).toEqual([]);
    await expect(uninstallClient(files, target)).rejects.toThrow(/nothing of Airlock's/);
  });
});

describe("a file that is there", () => {
  const jsons: readonly (readonly [string, string])[] = [
    ["other servers", '{\n  "mcpServers": {\n    "other": { "command": "x" }\n  },\n  "theme": "dark"\n}\n'],
    ["comments and a trailing comma", '{\n\t// mine\n\t"theme": "dark", /* keep */\n}\n'],
    ["no line end and CRLF", '{\r\n    "a": [1, 2],\r\n    "mcpServers": {}\r\n}'],
    ["one line", '{"a":1,"mcpServers":{"b":{}}}'],
    ["an empty object", "{}"],
    ["nothing", ""],
  ];

  test.each(jsons)("with %s keeps the rest, and is the same to the byte afterwards", async (_name, text) => {
    const { files, target } = parts("gemini");
    const path = put(files[0]?.path ?? "", text);
    chmodSync(path, 0o640);
    await installClient(files, target);
    const after = readFileSync(path, "utf8");
    if (text.includes("// mine"))
      for (const kept of ['\t// mine\n\t"theme": "dark",', "/* keep */"]) expect(after).toContain(kept);
    expect(after).toContain('"airlock"');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    await uninstallClient(files, target);
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  test.each(jsons.slice(0, 5))("with %s and a later change loses only the entry", async (_name, text) => {
    const { files, target } = parts("gemini");
    const path = put(files[0]?.path ?? "", text);
    await installClient(files, target);
    const changed = readFileSync(path, "utf8").replace("{", '{ "later": true,');
    writeFileSync(path, changed);
    await uninstallClient(files, target);
    const left = readFileSync(path, "utf8");
    expect(left).not.toContain("airlock");
    expect(left).toContain('"later": true');
    if (text.includes("// mine")) expect(left).toContain("// mine");
    expect(left.includes("mcpServers")).toBe(text.includes("mcpServers"));
  });

  const toml = '# mine\nmodel = "o3"  # the best\n\n[mcp_servers.other]\ncommand = "x"\n\n[tui]\nn = 1_000\n';

  test.each([toml, toml.trimEnd(), "", "# only a comment\n"])(
    "as TOML keeps comments and comes back to the byte: %j",
    async (text) => {
      const { files, target } = parts("codex");
      const path = put(files[0]?.path ?? "", text);
      await installClient(files, target);
      const after = readFileSync(path, "utf8");
      expect(after.startsWith(text)).toBe(true);
      expect(parseToml(after)).toMatchObject({
        mcp_servers: { airlock: { command: command.command, args: ["mcp"], tool_timeout_sec: 600 } },
      });
      await uninstallClient(files, target);
      expect(readFileSync(path, "utf8")).toBe(text);
    },
  );

  test("as TOML with a later change loses only the table", async () => {
    const { files, target } = parts("codex");
    const path = put(files[0]?.path ?? "", toml);
    await installClient(files, target);
    writeFileSync(path, `${readFileSync(path, "utf8")}\n[later]\nx = 1\n`);
    await uninstallClient(files, target);
    expect(readFileSync(path, "utf8")).toBe(`${toml}[later]\nx = 1\n`);
  });

  test.each([
    ["{ broken", "gemini"],
    ["[]", "gemini"],
    ['{"mcpServers": 7}', "gemini"],
    ['{"mcpServers":{"a":{}},"mcpServers":{"b":{}}}', "gemini"],
    ['{"mcpServers":{"airlock":{"command":"mine"}}}', "gemini"],
    ["[mcp_servers.airlock]\ncommand = 'mine'\n", "codex"],
    ["not = = toml", "codex"],
    ["mcp_servers = 3\n", "codex"],
    ["mcp_servers = { a = { command = 'x' } }\n", "codex"],
  ] as const)("%j is left as it is", async (text, client) => {
    const { files, target } = parts(client);
    const path = put(files[0]?.path ?? "", text);
    await expect(installClient(files, target)).rejects.toThrow();
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("that is a person's own link stays a link", async () => {
    const { files, target } = parts("claude");
    const real = put(join(root, "dotfiles/claude.json"), "{}\n");
    symlinkSync(real, files[0]?.path ?? "");
    await installClient(files, target);
    expect(lstatSync(files[0]?.path ?? "").isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toContain("airlock");
    await uninstallClient(files, target);
    expect(readFileSync(real, "utf8")).toBe("{}\n");
  });

  test.each([".mcp.json", ".github"])("a link in a project (%s) is refused", async (link) => {
    const { files, target } = parts(link === ".github" ? "copilot" : "claude", true);
    const elsewhere = join(root, "elsewhere");
    if (link === ".github") mkdirSync(elsewhere);
    else writeFileSync(elsewhere, "{}");
    symlinkSync(elsewhere, join(project, link));
    await expect(installClient(files, target)).rejects.toThrow(/symlink/);
    if (link !== ".github") expect(readFileSync(elsewhere, "utf8")).toBe("{}");
  });
});

describe("what each client is told", () => {
  const textOf = (client: ClientName, env: Record<string, string> = {}): string =>
    parts(client, false, env).files.map(printedFile).join("\n");

  test("Kiro's agent has no tools but Airlock's", () => {
    const [, agent] = parts("kiro").files;
    expect(agent?.path).toBe(join(home, ".kiro/agents/airlock.json"));
    expect(agent?.value).toMatchObject({ tools: ["@airlock"], allowedTools: ["@airlock"] });
    expect(agent?.value).not.toHaveProperty("toolsSettings");
  });

  test("a changed agent file of Kiro's is not thrown away", async () => {
    const { files, target } = parts("kiro");
    await installClient(files, target);
    const path = files[1]?.path ?? "";
    writeFileSync(path, readFileSync(path, "utf8").replace("airlock", "mine"));
    await expect(uninstallClient(files, target)).rejects.toThrow(/was changed/);
    expect(existsSync(path)).toBe(true);
  });

  test("every client gets the form that it reads", () => {
    expect(JSON.parse(textOf("claude"))).toEqual({
      mcpServers: { airlock: { type: "stdio", command: command.command, args: ["mcp"] } },
    });
    expect(JSON.parse(textOf("opencode"))).toEqual({
      mcp: { airlock: { type: "local", command: [command.command, "mcp"], enabled: true } },
    });
    expect(JSON.parse(textOf("copilot"))).toMatchObject({ mcpServers: { airlock: { type: "local", tools: ["*"] } } });
    const codex = textOf("codex");
    expect(codex).toMatch(/^\[mcp_servers\.airlock\]\ncommand = "\/opt\/airlock\/bin\/airlock"\nargs = \[ "mcp" \]\n/);
    const { mcp_servers } = parseToml(codex) as { mcp_servers: { airlock: { env_vars: string[] } } };
    for (const name of ["AIRLOCK_HOME", "DOCKER_HOST", "XDG_STATE_HOME"])
      expect(mcp_servers.airlock.env_vars).toContain(name);
  });

  test("the variables that move a client's folder are followed", () => {
    const moved = join(root, "moved");
    const pathOf = (client: ClientName, name: string): string | undefined =>
      parts(client, false, { [name]: moved }).files[0]?.path;
    expect(pathOf("kiro", "KIRO_HOME")).toBe(join(moved, "settings/mcp.json"));
    expect(pathOf("claude", "CLAUDE_CONFIG_DIR")).toBe(join(moved, ".claude.json"));
    expect(pathOf("codex", "CODEX_HOME")).toBe(join(moved, "config.toml"));
    expect(pathOf("gemini", "GEMINI_CLI_HOME")).toBe(join(moved, ".gemini/settings.json"));
    expect(pathOf("opencode", "XDG_CONFIG_HOME")).toBe(join(moved, "opencode/opencode.json"));
    expect(pathOf("copilot", "COPILOT_HOME")).toBe(join(moved, "mcp-config.json"));
    expect(pathOf("codex", "OTHER")).toBe(join(home, ".codex/config.toml"));
  });

  test("opencode's other file is used where it is there", async () => {
    const { files, target } = parts("opencode");
    const path = put(files[0]?.instead ?? "", "{\n  // mine\n}\n");
    await installClient(files, target);
    expect(readFileSync(path, "utf8")).toContain("// mine");
    expect(existsSync(files[0]?.path ?? "")).toBe(false);
    await uninstallClient(files, target);
    expect(readFileSync(path, "utf8")).toBe("{\n  // mine\n}\n");
  });
});
