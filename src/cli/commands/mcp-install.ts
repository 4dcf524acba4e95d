import { realpath } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { displayPath } from "../../base/escape.js";
import type { FileReport } from "../../mcp/clients/client-files.js";
import { type ClientFile, type ClientName, clientFiles, type ServerCommand } from "../../mcp/clients/client-table.js";
import { homePath } from "../../session/home.js";
import { findProject } from "../../session/project.js";
import type { CommandContext } from "../context.js";

interface InstallOptions {
  readonly json?: boolean;
  readonly print?: boolean;
  /** True: the project around the current folder. */
  readonly project?: boolean | string;
}

interface Chosen {
  readonly client: ClientName;
  readonly project: string | null;
  readonly files: readonly ClientFile[];
}

// A name is found by whoever shares the file, wherever it is installed for them; but only where it means this program.
async function ownCommand({ edge }: CommandContext): Promise<string> {
  const script = join(edge.packageRoot, "bin/airlock");
  const wanted = await realpath(script).catch(() => script);
  for (const folder of (edge.env["PATH"] ?? "").split(delimiter).filter(isAbsolute)) {
    const found = await realpath(join(folder, "airlock")).catch(() => null);
    if (found !== null) return found === wanted ? "airlock" : script;
  }
  return script;
}

async function choose(context: CommandContext, client: ClientName, options: InstallOptions): Promise<Chosen> {
  const { env, homedir, cwd } = context.edge;
  const asked = options.project;
  const project =
    asked === undefined || asked === false ? null : await findProject(cwd, asked === true ? undefined : asked);
  const command: ServerCommand = { command: await ownCommand(context), args: ["mcp"] };
  return { client, project, files: clientFiles(client, { homedir, env, project }, command) };
}

const placeOf = ({ edge }: CommandContext): { readonly folder: string } => ({
  folder: join(homePath(edge), "clients"),
});

const words = { written: "wrote", unchanged: "unchanged", restored: "restored", removed: "removed" } as const;

function report(
  context: CommandContext,
  { client }: Chosen,
  reports: readonly FileReport[],
  options: InstallOptions,
): void {
  if (options.json === true) context.printJson({ client, files: reports });
  for (const { path, change, backup } of options.json === true ? [] : reports) {
    context.print(`${words[change]}  ${displayPath(path)}`);
    if (backup !== null) context.note(`what it was: ${displayPath(backup)} (until airlock mcp uninstall ${client})`);
  }
}

const afterwards: Readonly<Record<ClientName, string>> = {
  kiro: "kiro-cli chat --agent airlock has Airlock's tools and no others",
  claude: 'claude --tools "" has Airlock\'s tools and none of its own',
  codex: "codex mcp list shows it; codex keeps its own shell",
  gemini: "gemini mcp list shows it; gemini keeps its own tools unless tools.core is set",
  opencode: "opencode mcp list shows it; its own tools can be denied with permission",
  copilot: "/mcp show shows it; copilot --available-tools leaves out its own tools",
};

/** `airlock mcp install`: tells an agent's client of the server. */
export async function installInClient(
  context: CommandContext,
  client: ClientName,
  options: InstallOptions,
): Promise<number> {
  const chosen = await choose(context, client, options);
  const { installClient, printedFile } = await import("../../mcp/clients/client-files.js");
  if (options.print === true) {
    for (const file of chosen.files) {
      context.note(displayPath(file.path));
      context.print(printedFile(file));
    }
    return 0;
  }
  const reports = await installClient(chosen.files, { ...chosen, place: placeOf(context) });
  report(context, chosen, reports, options);
  if (options.json !== true) context.note(afterwards[chosen.client]);
  return 0;
}

/** `airlock mcp uninstall`: takes exactly that back. */
export async function uninstallFromClient(
  context: CommandContext,
  client: ClientName,
  options: InstallOptions,
): Promise<number> {
  const chosen = await choose(context, client, options);
  const { uninstallClient } = await import("../../mcp/clients/client-files.js");
  report(context, chosen, await uninstallClient(chosen.files, { ...chosen, place: placeOf(context) }), options);
  return 0;
}
