import type { Command } from "commander";
import { AirlockError } from "../base/errors.js";
import type { Act } from "./command.js";
import type { CommandContext } from "./context.js";
import { addCommand, makeProgram } from "./make-program.js";

interface Spec {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  readonly subcommands: readonly string[];
}

const takesSession = new Set(["exec", "shell", "status", "diff", "snapshot", "snapshots", "discard", "log"]);

async function readSpecs(context: CommandContext): Promise<Spec[]> {
  const idle: Act = () => async () => undefined;
  const program = makeProgram(context.edge);
  const specs: Spec[] = [];
  for (const entry of context.commands.filter(({ hidden }) => hidden !== true)) {
    const command = await addCommand(program, entry, idle);
    specs.push({
      name: entry.name,
      summary: entry.summary,
      options: [...command.options.map(({ long }) => long ?? ""), "--help"].filter((option) => option !== ""),
      subcommands: command.commands.map((each) => each.name()),
    });
  }
  return specs;
}

// Session ids are asked of the program when Tab is pressed; everything else is fixed text.
const listIds = `airlock ls --json 2>/dev/null | tr ',{' '\\n\\n' | sed -n 's/.*"id": *"\\([a-z0-9-]*\\)".*/\\1/p'`;

function bash(specs: readonly Spec[]): string {
  const cases = specs.map(({ name, options, subcommands }) => {
    const words = [...subcommands, ...options].join(" ");
    return `    ${name}) words="${words}"${takesSession.has(name) ? `; [[ $cur == -* ]] || words="$(${listIds})"` : ""} ;;`;
  });
  return `# bash completion for airlock: source <(airlock completion bash)
_airlock() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words=
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${specs.map(({ name }) => name).join(" ")} --help --version" -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _airlock airlock
`;
}

function zsh(specs: readonly Spec[]): string {
  const quote = (text: string): string => text.replace(/[':]/g, " ");
  const cases = specs.map(({ name, options, subcommands }) => {
    const ids = takesSession.has(name) ? ` \${(f)"$(${listIds})"}` : "";
    return `    ${name}) compadd -- ${[...subcommands, ...options].join(" ")}${ids}; _files ;;`;
  });
  return `#compdef airlock
# zsh completion for airlock: source <(airlock completion zsh)
_airlock() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${specs.map(({ name, summary }) => `      '${name}:${quote(summary)}'`).join("\n")}
    )
    _describe command commands
    return
  fi
  case $words[2] in
${cases.join("\n")}
  esac
}
compdef _airlock airlock
`;
}

function fish(specs: readonly Spec[]): string {
  const quote = (text: string): string => text.replace(/'/g, "\\'");
  const lines = specs.flatMap(({ name, summary, options, subcommands }) => {
    const within = `complete -c airlock -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c airlock -n __fish_use_subcommand -f -a ${name} -d '${quote(summary)}'`,
      ...options.map((option) => `${within} -l ${option.slice(2)}`),
      ...subcommands.map((subcommand) => `${within} -f -a ${subcommand}`),
      ...(takesSession.has(name) ? [`${within} -f -a "(${quote(listIds)})"`] : []),
    ];
  });
  return `# fish completion for airlock: airlock completion fish | source\n${lines.join("\n")}\n`;
}

const writers: Readonly<Record<string, (specs: readonly Spec[]) => string>> = { bash, zsh, fish };

async function completion(context: CommandContext, shell: string): Promise<number> {
  const write = writers[shell];
  if (write === undefined)
    throw new AirlockError("E_USAGE", `no completion for "${shell}"`, { hint: "bash, zsh or fish" });
  context.print(write(await readSpecs(context)));
  return 0;
}

/** `airlock completion`. */
export function define(command: Command, act: Act): void {
  command
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText("after", "\nFor the present shell: source <(airlock completion bash)")
    .action(act(completion));
}
