import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { treeChecksum } from "../support/cli.js";
import { Lab } from "../support/lab.js";
import { makeServices, modelAddress as own, modelSecret as secret } from "../support/model-services.js";
import { type ModelStep, ScriptedModel } from "../support/scripted-model.js";

/** A real agent, as it is run by its name, with the calls of its own tools that a model makes it do. */
interface Case {
  readonly agent: string;
  readonly variable: string;
  readonly more?: readonly string[];
  readonly shell: RegExp;
  /** How the tool calls what it runs. */
  readonly argument: (command: string) => Readonly<Record<string, unknown>>;
}

const cases: readonly Case[] = [
  {
    agent: "claude",
    variable: "ANTHROPIC_API_KEY",
    shell: /^Bash$/,
    argument: (command) => ({ command, description: "a test" }),
  },
  {
    agent: "codex",
    variable: "OPENAI_API_KEY",
    // A model that it does not know gets the plain tools, not a language to call them in.
    more: ["--agent-arg=--model", "--agent-arg=scripted"],
    shell: /^(exec_command|shell|shell_command)$/,
    argument: (cmd) => ({ cmd }),
  },
  {
    agent: "gemini",
    variable: "GEMINI_API_KEY",
    // Else it asks another model which one to ask.
    more: ["--agent-arg=--model", "--agent-arg=gemini-2.5-flash"],
    shell: /^run_shell_command$/,
    argument: (command) => ({ command, description: "a test" }),
  },
  {
    agent: "opencode",
    variable: "ANTHROPIC_API_KEY",
    shell: /^bash$/,
    argument: (command) => ({ command, description: "a test" }),
  },
];

// Their images are gigabytes together: the others are built, and run, with the long tests.
const isLong = process.env["AIRLOCK_TEST_LONG"] === "1";
const commands = [
  // Not rm -rf: Codex refuses to run that, whatever it is told.
  "cat src/a.txt && find src -delete && echo mine > agent.txt",
  "env; cat ~/.claude.json ~/.codex/auth.json 2>/dev/null; true",
  "curl -sS -m 10 https://forbidden.example; cat /airlock/denied",
  "shred agent.txt",
];

describe.skipIf(process.getuid?.() !== 0)("a real agent, run by its name with everything trusted", () => {
  test.each(isLong ? cases : cases.slice(0, 1))(
    "$agent works, the host stays as it is, and its key stays there",
    async ({ agent, variable, more = [], shell, argument }) => {
      await using lab = new Lab();
      const { path, ...identity } = makeServices(lab);
      const steps: ModelStep[] = commands.map((command) => ({ tool: shell, arguments: argument(command) }));
      await using model = await ScriptedModel.start(steps, { ...identity, address: own, port: 443 });
      const before = treeChecksum(lab.project);
      const { code, stdout, stderr } = await lab.airlock(
        ["run", "--on-exit", "keep", "--agent", agent, "--trust-all", ...more, "tidy up"],
        { env: { [variable]: secret, NODE_EXTRA_CA_CERTS: path } },
      );
      const said = `${stdout.toString()}${stderr}`;
      expect(`${code} ${said.slice(-3_000)} ${model.asked.join(" ")}`).toMatch(/^0 /);
      expect(treeChecksum(lab.project)).toBe(before);
      expect(model.results).toHaveLength(commands.length);
      expect(model.results[0]).toContain("one");
      expect(model.results[1]).toContain(`${variable}=airlock-`);
      expect(model.results[2]).toContain("forbidden.example");
      // A denial of the user's holds also where the agent asks for nothing.
      expect(model.results[3]).toContain("denied");
      // The service was given the key, and nobody else.
      expect([...model.keys].some((value) => value.includes(secret))).toBe(true);
      expect(said + model.results.join("\n")).not.toContain(secret);
      const { changes } = await lab.json<{ changes: { path: string; kind: string }[] }>(["diff", "--json"]);
      expect(changes.map(({ kind, path: changed }) => `${kind} ${changed}`)).toEqual(
        expect.arrayContaining(["added agent.txt", "deleted src"]),
      );
      const log = (await lab.airlock(["log", "--json"])).stdout.toString();
      expect(log).not.toContain(secret);
      const events = log
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { kind: string; data: Record<string, unknown> });
      expect(events.find(({ kind }) => kind === "session.create")?.data["agent"]).toMatchObject({ name: agent });
      const calls = events.filter(({ kind, data }) => kind === "tool.call" && data["caller"] === `hook:${agent}`);
      expect(calls.map(({ data }) => data["decision"])).toEqual(["allow", "allow", "allow", "deny"]);
      expect(events.find(({ kind }) => kind.startsWith("trust.all"))?.data).toMatchObject({ snapshot: "s0" });
    },
    300_000,
  );
});

// Kiro is in no registry. Where its archive is not given (make test-kiro KIRO=FILE, with your KIRO_API_KEY), something stands in that
// has its flags, its files and its way to say that it may not.
const standIn = `#!/bin/sh
[ "$1" = chat ] || exit 1
shift
for flag; do
  case "$flag" in
    --no-interactive) ;;
    --trust-all-tools) trusted=1 ;;
    *) prompt="$flag" ;;
  esac
done
grep -q '"chat.disableTrustAllConfirmation": true' ~/.kiro/settings/cli.json || exit 1
grep -q /airlock/denied ~/.kiro/steering/airlock.md || exit 1
curl -sS -o /dev/null -H "Authorization: Bearer $KIRO_API_KEY" https://q.us-east-1.amazonaws.com/ || exit 1
if [ -z "$trusted" ]; then
  echo "Tool approval required but --no-interactive was specified. Use --trust-all-tools" >&2
  exit 1
fi
exec sh -c "\${prompt#*: }"
`;
const givenKiro = process.env["AIRLOCK_TEST_KIRO"];

function kiroArchive(lab: Lab): string {
  const folder = join(lab.root, "kiro/kirocli/bin");
  mkdirSync(folder, { recursive: true });
  for (const name of ["kiro-cli", "kiro-cli-chat", "kiro-cli-term"])
    writeFileSync(join(folder, name), standIn, { mode: 0o755 });
  const archive = join(lab.root, "kiro.tar.gz");
  execFileSync("tar", ["-czf", archive, "-C", join(lab.root, "kiro"), "kirocli"]);
  return archive;
}

describe.skipIf(process.getuid?.() !== 0)("Kiro, from an archive of the user's", () => {
  const order = "Run exactly this in the shell: cat src/a.txt && find src -delete && echo mine > agent.txt";

  test("is built, works, and leaves the host and the key where they are", async () => {
    await using lab = new Lab();
    const isReal = givenKiro !== undefined && givenKiro !== "";
    const { path, ...identity } = makeServices(lab);
    await using model = await ScriptedModel.start([], { ...identity, address: own, port: 443 });
    if (isReal) rmSync(join(lab.userHome, ".config/airlock/config.yaml"));
    const archive = isReal ? givenKiro : kiroArchive(lab);
    const wrong = await lab.airlock(["agents", "build", "kiro", "--from", archive, "--sha256", "0".repeat(64)]);
    expect(wrong).toMatchObject({ code: 12, stderr: expect.stringContaining("not the one with that SHA-256") });
    const sha256 = createHash("sha256").update(readFileSync(archive)).digest("hex");
    const words = ["agents", "build", "kiro", "--from", archive, "--sha256", sha256, "--json"];
    const { image } = await lab.json<{ image: string }>(words);
    await using _image = { [Symbol.asyncDispose]: async () => void (await lab.airlock(["image", "rm", image])) };
    const key = isReal ? (process.env["KIRO_API_KEY"] ?? "") : secret;
    const env = { KIRO_API_KEY: key, NODE_EXTRA_CA_CERTS: path };
    const before = treeChecksum(lab.project);
    const run = (...more: string[]) =>
      lab.airlock(["run", "--on-exit", "keep", "--agent", "kiro", ...more, order], { env });
    expect((await run()).code).not.toBe(0);
    const { code, stdout, stderr } = await run("--trust-all");
    expect(`${code} ${stderr.slice(-2_000)}`).toMatch(/^0 /);
    expect(treeChecksum(lab.project)).toBe(before);
    expect(stdout.toString()).toContain("one");
    if (!isReal) expect([...model.keys]).toEqual([`Bearer ${secret}`]);
    const { changes } = await lab.json<{ changes: { path: string; kind: string }[] }>(["diff", "--json"]);
    expect(changes.map(({ kind, path: changed }) => `${kind} ${changed}`)).toEqual(
      expect.arrayContaining(["added agent.txt", "deleted src"]),
    );
    expect((await lab.airlock(["log", "--json"])).stdout.toString()).not.toContain(key);
  }, 300_000);

  test("is not fetched by itself, and says where it is to be had", async () => {
    await using lab = new Lab();
    const { code, stderr } = await lab.airlock(["agents", "build", "kiro"]);
    expect(code).toBe(2);
    expect(stderr).toContain("airlock agents build kiro --from FILE");
  });
});

describe("an agent of the user's own", () => {
  test("runs in the image that the user names, with what they say", async () => {
    await using lab = new Lab();
    const images = await lab.json<{ current: boolean; tags: string[] }[]>(["image", "ls", "--json"]);
    const image = images.find(({ current }) => current)?.tags[0];
    const folder = join(lab.userHome, ".config/airlock");
    mkdirSync(folder, { recursive: true });
    const mine = { image, command: ["sh", "-e"], trustAll: ["-u"], prompt: ["-c"], memory: ".mine/about.md" };
    writeFileSync(join(folder, "config.yaml"), JSON.stringify({ agents: { mine } }));
    expect(await lab.json(["agents", "doctor", "mine", "--json"])).toMatchObject({ name: "mine", image });
    const order = "echo $-; grep -c Airlock ~/.mine/about.md; rm src/a.txt";
    const { code, stdout } = await lab.airlock(["run", "--on-exit", "keep", "--agent", "mine", "--trust-all", order]);
    expect([code, stdout.toString()]).toEqual([0, expect.stringMatching(/^\S*u\S*\n1\n$/)]);
    expect((await lab.airlock(["status"])).stdout.toString()).toContain("agent       mine");
  }, 60_000);
});
