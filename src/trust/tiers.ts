import { posix } from "node:path";
import type { ToolName } from "../model/tool.js";
import type { TrustRule, TrustTier } from "../model/trust.js";
import { runsAnything } from "./command-pattern.js";
import type { ShellReading, ShellWord } from "./shell-reading.js";

const origin = "an answer";

const allow = (tool: ToolName, pattern: string | null): TrustRule => ({ tool, pattern, action: "allow", origin });

const whole = (tool: ToolName): TrustTier => ({ label: `everything ${tool} does`, rules: [allow(tool, null)] });

const tier = (tool: ToolName, patterns: readonly string[]): TrustTier => ({
  label: patterns.join(", "),
  rules: patterns.map((pattern) => allow(tool, pattern)),
});

const isPlain = (word: ShellWord | undefined): word is string => word != null && /^[\w.:/@-]+$/.test(word);

/** By its text, by what the commands in it begin with, the whole tool; no beginnings where one of them would run anything. */
export function shellTiers(
  exactPattern: string | null,
  reading: (ShellReading & { readonly kind: "read" }) | null,
): TrustTier[] {
  if (exactPattern === null) return [whole("shell")];
  const exact: TrustTier = { label: "exactly this command", rules: [allow("shell", exactPattern)] };
  const commands = reading?.commands ?? [];
  if (commands.length === 0 || commands.some((words) => runsAnything(words) || !isPlain(words[0]))) {
    return [exact, whole("shell")];
  }
  const beginnings = [2, 1].map((length) => [
    ...new Set(
      commands.map((words) => {
        const fixed = words.slice(0, length).filter(isPlain);
        return `${fixed.slice(0, fixed.length > 1 && fixed[1]?.startsWith("-") ? 1 : length).join(" ")} *`;
      }),
    ),
  ]);
  const distinct = beginnings.filter((each, at) => each.join() !== beginnings[at - 1]?.join());
  return [exact, ...distinct.map((patterns) => tier("shell", patterns)), whole("shell")];
}

// A name's own stars and brackets are escaped, so that a pattern made of it names nothing else.
const literal = (path: string): string => path.replace(/[\\*?[\]{}]/g, "\\$&");

function patternOf(path: string, workspace: string): string {
  const rest = path.startsWith(`${workspace}/`) ? path.slice(workspace.length + 1) : path;
  // Without a slash it would name files of that name anywhere.
  return literal(rest.includes("/") ? rest : path);
}

function folderPatternOf(folder: string, workspace: string): string {
  if (folder === workspace) return "**";
  return `${literal(folder.startsWith(`${workspace}/`) ? folder.slice(workspace.length + 1) : folder)}/**`;
}

/** The paths, the folders that hold them, the whole tool. */
export function pathTiers(
  tool: "read" | "write" | "glob" | "grep",
  paths: readonly string[],
  workspace: string,
): TrustTier[] {
  const folders = [...new Set(paths.map((path) => posix.dirname(path)))];
  const inFolders = folders.map((folder) => folderPatternOf(folder, workspace));
  return [
    tier(
      tool,
      paths.map((path) => patternOf(path, workspace)),
    ),
    ...(folders.includes("/") ? [] : [tier(tool, inFolders)]),
    whole(tool),
  ];
}

/** The operation, the service, the whole tool. */
export function awsTiers(service: string, operation: string): TrustTier[] {
  return [tier("aws", [`${service}:${operation}`]), tier("aws", [`${service}:*`]), whole("aws")];
}
