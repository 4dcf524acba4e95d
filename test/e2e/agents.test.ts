import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { treeChecksum } from "../support/cli.js";
import { Lab } from "../support/lab.js";
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
const own = "127.31.41.59";
const services = ["api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"];
const secret = `sk-real-${process.pid}-0123456789abcdef`;

/** The services' names lead to this machine, and their certificate is one that this machine's gate trusts. */
function makeServices(lab: Lab): { readonly key: string; readonly cert: string; readonly path: string } {
  const [key, path] = [join(lab.root, "model.key"), join(lab.root, "model.pem")];
  execFileSync(
    "openssl",
    [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=airlock-test".split(" "),
      ...["-addext", `subjectAltName=${services.map((name) => `DNS:${name}`).join(",")}`, "-keyout", key, "-out", path],
    ],
    { stdio: "ignore" },
  );
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const network = { hosts: Object.fromEntries(services.map((name) => [name, own])), allowPrivate: services };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ network }));
  return { key: readFileSync(key, "utf8"), cert: readFileSync(path, "utf8"), path };
}

const commands = [
  // Not rm -rf: Codex refuses to run that, whatever it is told.
  "cat src/a.txt && find src -delete && echo mine > agent.txt",
  "env; cat ~/.claude.json ~/.codex/auth.json 2>/dev/null; true",
  "curl -sS -m 10 https://forbidden.example; cat /airlock/denied",
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
      expect(events.find(({ kind }) => kind.startsWith("trust.all"))?.data).toMatchObject({ snapshot: "s0" });
    },
    300_000,
  );
});
