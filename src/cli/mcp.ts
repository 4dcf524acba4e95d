import type { Command } from "commander";
import { clientNames } from "../mcp/clients/client-table.js";
import type { Act } from "./command.js";
import { addGlobalOptions } from "./context.js";
import { installInClient, uninstallFromClient } from "./mcp-install.js";

/** `airlock mcp`. */
export function define(command: Command, act: Act): void {
  const sub = (name: string, summary: string): Command =>
    addGlobalOptions(command.command(name).description(summary), { json: true, project: false })
      .argument("<client>", clientNames.join(", "))
      .option("--project [folder]", "in the project's own files, instead of the user's");
  sub("install", "tell a client of the server, in its own configuration")
    .option("--print", "print what would be written, and write nothing")
    .action(act(installInClient));
  sub("uninstall", "take exactly that back").action(act(uninstallFromClient));
}
