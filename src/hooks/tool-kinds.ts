import type { HookAgent } from "./agents.js";

/** What a tool of an agent does. `own`: nothing but in the agent itself, or in the network, where the gate decides. */
export type ToolKind =
  | "shell"
  | "read"
  | "list"
  | "many"
  | "write"
  | "editor"
  | "patch"
  | "glob"
  | "grep"
  | "aws"
  | "own";

type Kinds = Readonly<Partial<Record<ToolKind, string>>>;

// Whatever is not here is asked about: an agent's newer tools, those of its MCP servers, and what types into a shell that is open.
const tools: Readonly<Record<HookAgent, Kinds>> = {
  kiro: {
    shell: "shell execute_bash executeBash execute_cmd executeCmd",
    read: "read fs_read fsRead imageRead image_read",
    list: "ls",
    write: "write fs_write fsWrite",
    glob: "glob",
    grep: "grep",
    aws: "aws use_aws useAws",
    own: "thinking introspect report report_issue gh_issue todo todo_list tool_search web_search web_fetch subagent use_subagent",
  },
  claude: {
    shell: "Bash",
    read: "Read NotebookRead",
    list: "LS",
    write: "Write Edit MultiEdit NotebookEdit",
    glob: "Glob",
    grep: "Grep",
    own: "Agent Task TaskCreate TaskGet TaskList TaskOutput TaskStop TaskUpdate TodoRead TodoWrite AskUserQuestion EnterPlanMode ExitPlanMode BashOutput KillBash KillShell ToolSearch WebFetch WebSearch",
  },
  codex: {
    shell: "Bash shell exec_command local_shell",
    read: "view_image",
    patch: "apply_patch",
    own: "update_plan web_search request_user_input",
  },
  gemini: {
    shell: "run_shell_command",
    read: "read_file",
    list: "list_directory",
    many: "read_many_files",
    write: "write_file replace",
    glob: "glob",
    grep: "search_file_content grep_search",
    own: "web_fetch google_web_search write_todos ask_user enter_plan_mode exit_plan_mode",
  },
  copilot: {
    shell: "bash",
    read: "view",
    write: "create edit",
    editor: "str_replace_editor",
    patch: "apply_patch",
    glob: "glob",
    grep: "grep rg",
    own: "report_intent update_todo task read_bash stop_bash list_bash read_agent list_agents web_fetch ask_user",
  },
  opencode: {
    shell: "bash",
    read: "read",
    list: "list",
    write: "write edit multiedit",
    patch: "patch apply_patch",
    glob: "glob",
    grep: "grep",
    own: "task todoread todowrite question webfetch websearch",
  },
};

function byName(kinds: Kinds): ReadonlyMap<string, ToolKind> {
  const pairs = Object.entries(kinds) as [ToolKind, string][];
  return new Map(pairs.flatMap(([kind, names]) => names.split(" ").map((name) => [name, kind] as const)));
}

const kindsOf = new Map(Object.entries(tools).map(([agent, kinds]) => [agent, byName(kinds)]));

/** What a tool of this very name does; null: it is not known here. */
export const toolKind = (agent: HookAgent, name: string): ToolKind | null => kindsOf.get(agent)?.get(name) ?? null;
