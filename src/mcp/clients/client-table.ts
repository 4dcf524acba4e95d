import { isAbsolute, join } from "node:path";

/** How a client starts the server. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** Where a client looks for its files. */
export interface ClientPlace {
  readonly homedir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The project's folder for what belongs to the project alone; null for what the user has everywhere. */
  readonly project: string | null;
}

/** One file that is to hold one entry. */
export interface ClientFile {
  readonly path: string;
  /** Another name of the file, used when it is there. */
  readonly instead?: string;
  readonly format: "json" | "toml";
  /** Where in the file the entry stands; empty: the whole file is ours. */
  readonly keys: readonly string[];
  readonly value: Readonly<Record<string, unknown>>;
}

export const clientNames = ["kiro", "claude", "codex", "gemini", "opencode", "copilot"] as const;

export type ClientName = (typeof clientNames)[number];

/** A person may take this long to answer; clients give up much sooner by themselves. */
const answerSeconds = 600;
const server = "airlock";
const engineVariables = ["CERT_PATH", "CONFIG", "CONTEXT", "HOST", "TLS", "TLS_VERIFY"].map((name) => `DOCKER_${name}`);
const stateVariables = ["CONFIG_HOME", "RUNTIME_DIR", "STATE_HOME"].map((name) => `XDG_${name}`);
const passedOn = ["AIRLOCK_ENGINE", "AIRLOCK_HOME", ...engineVariables, ...stateVariables];

type Files = (place: ClientPlace, command: ServerCommand) => readonly ClientFile[];

// As the clients do themselves: a variable that is empty or relative names nothing.
function folder({ env, homedir }: ClientPlace, variable: string, usual: string): string {
  const chosen = env[variable];
  return chosen !== undefined && isAbsolute(chosen) ? chosen : join(homedir, usual);
}

const json = (path: string, keys: readonly string[], value: Readonly<Record<string, unknown>>): ClientFile => ({
  path,
  format: "json",
  keys,
  value,
});

const kiro: Files = (place, { command, args }) => {
  const root = place.project === null ? folder(place, "KIRO_HOME", ".kiro") : join(place.project, ".kiro");
  const entry = { command, args, timeout: answerSeconds * 1000 };
  const agent = {
    name: server,
    description: "Works in an Airlock sandbox only: none of the built-in tools, which would work on this machine.",
    mcpServers: { [server]: entry },
    tools: [`@${server}`],
    // Kiro asks nobody about them, because Airlock does.
    allowedTools: [`@${server}`],
  };
  return [
    json(join(root, "settings/mcp.json"), ["mcpServers", server], entry),
    json(join(root, "agents/airlock.json"), [], agent),
  ];
};

const claude: Files = (place, { command, args }) => {
  const ofUser = join(folder(place, "CLAUDE_CONFIG_DIR", ""), ".claude.json");
  const path = place.project === null ? ofUser : join(place.project, ".mcp.json");
  return [json(path, ["mcpServers", server], { type: "stdio", command, args })];
};

const codex: Files = (place, { command, args }) => {
  const root = place.project === null ? folder(place, "CODEX_HOME", ".codex") : join(place.project, ".codex");
  // Codex hands on no variable that is not named: with these, Airlock finds its state and its engine as everywhere else.
  const value = { command, args, env_vars: passedOn, tool_timeout_sec: answerSeconds };
  return [{ path: join(root, "config.toml"), format: "toml", keys: ["mcp_servers", server], value }];
};

const gemini: Files = (place, { command, args }) => {
  const root = place.project ?? folder(place, "GEMINI_CLI_HOME", "");
  return [json(join(root, ".gemini/settings.json"), ["mcpServers", server], { command, args })];
};

const opencode: Files = (place, { command, args }) => {
  const root = place.project ?? join(folder(place, "XDG_CONFIG_HOME", ".config"), "opencode");
  const value = { type: "local", command: [command, ...args], enabled: true };
  return [{ ...json(join(root, "opencode.json"), ["mcp", server], value), instead: join(root, "opencode.jsonc") }];
};

const copilot: Files = (place, { command, args }) => {
  const ofUser = join(folder(place, "COPILOT_HOME", ".copilot"), "mcp-config.json");
  const path = place.project === null ? ofUser : join(place.project, ".github/mcp.json");
  return [json(path, ["mcpServers", server], { type: "local", command, args, tools: ["*"] })];
};

const table: Readonly<Record<ClientName, Files>> = { kiro, claude, codex, gemini, opencode, copilot };

/** The files in which a client is told of the server, and what each has to hold. */
export function clientFiles(client: ClientName, place: ClientPlace, command: ServerCommand): readonly ClientFile[] {
  return table[client](place, command);
}
