import { Argument, type Command } from "commander";
import type { Act } from "../command.js";
import type { CommandContext } from "../context.js";

// Each script asks the program itself, so that what it offers fits the program that is called, and sessions are those of now.
const scripts = {
  bash: `# bash completion for airlock: source <(airlock completion bash)
_airlock() {
  local line files= current=\${COMP_WORDS[COMP_CWORD]}
  [[ $current == "=" ]] && current=
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then files=1; continue; fi
    line=\${line%%$'\\t'*}
    # bash holds --option=value for three words, and wants the last.
    [[ \${COMP_WORDS[COMP_CWORD-1]} == "=" || \${COMP_WORDS[COMP_CWORD]} == "=" ]] && line=\${line#*=}
    COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
  fi
}
complete -F _airlock airlock
`,
  zsh: `#compdef airlock
# zsh completion for airlock: source <(airlock completion zsh), after compinit; or as a file _airlock in $fpath
_airlock() {
  local line files= none=1
  local -a offered
  while IFS= read -r line; do
    if [[ $line == :files ]]; then files=1; continue; fi
    offered+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#offered )) && _describe airlock offered && none=0
  [[ -n $files ]] && _files && none=0
  return none
}
if [[ $funcstack[1] == _airlock ]]; then _airlock "$@"; else compdef _airlock airlock; fi
`,
  fish: `# fish completion for airlock: airlock completion fish | source
function __airlock_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] complete -- $words[2..-1] $current 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path $current
    else
      echo $line
    end
  end
end
complete -c airlock -f -a '(__airlock_complete)'
`,
} as const;

type Shell = keyof typeof scripts;

async function completion(context: CommandContext, shell: Shell): Promise<number> {
  context.print(scripts[shell]);
  return 0;
}

/** `airlock completion`. */
export function define(command: Command, act: Act): void {
  command
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(scripts)))
    .addHelpText("after", "\nFor the present shell: source <(airlock completion bash)")
    .action(act(completion));
}
