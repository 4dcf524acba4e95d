import type { Command } from "commander";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { type EnvOptions, envOptions } from "../options/env-options.js";
import { execCommand } from "./exec.js";

// The image decides which shells there are; a login shell of the best one is what people expect.
const findShell =
  "for shell in /bin/bash /usr/bin/bash /bin/zsh; do [ -x $shell ] && exec $shell -i; done; exec /bin/sh -i";

/** `airlock shell`. */
export function define(command: Command, act: Act): void {
  envOptions(command)
    .argument("[id]", "the session; by default the newest of the project")
    .option("-w, --workdir <folder>", "where inside the shell starts")
    .option("--no-record", "do not record what it shows")
    .addHelpText("after", "\nExit status: the shell's own · 125 Airlock failed · 127 the image has no shell")
    .action(
      act(async (context: CommandContext, id: string | undefined, options: GlobalOptions & EnvOptions) =>
        execCommand(context, id, ["/bin/sh", "-c", findShell], options),
      ),
    );
}
