import { Argument, type Command } from "commander";
import { clientNames } from "../../mcp/clients/client-table.js";
import type { Act } from "../command.js";
import { addGlobalOptions } from "../context.js";
import { serveMcp } from "../mcp/mcp-serve.js";
import { trustOptions } from "../options/trust-options.js";
import { installInClient, uninstallFromClient } from "./mcp-install.js";

/** `airlock mcp`. */
export function define(command: Command, act: Act): void {
  const sub = (name: string, summary: string): Command =>
    addGlobalOptions(command.command(name).description(summary), { json: true, project: false })
      .addArgument(new Argument("<client>", "the client").choices(clientNames))
      .option("--project [folder]", "in the project's own files, instead of the user's");
  sub("install", "tell a client of the server, in its own configuration")
    .option("--print", "print what would be written, and write nothing")
    .action(act(installInClient));
  sub("uninstall", "take exactly that back").action(act(uninstallFromClient));
  trustOptions(command)
    .enablePositionalOptions()
    .option("-s, --session <id>", "the session; by default the newest that runs for the project, else a new one")
    .option("--project <folder>", "the project, instead of the one around the current folder")
    .option("--http <address:port>", "serve over HTTP instead of the standard streams; 127.0.0.1:0 takes a free port")
    .option("--allow-remote", "let --http listen on an address that other machines reach: unencrypted")
    .option("--no-elicitation", "do not put questions to the client: airlock approve answers them")
    .addHelpText(
      "after",
      "\nSpeaks the Model Context Protocol on its standard streams, so it is started by an agent's client: airlock mcp install.\nOver HTTP every request needs the token that is printed, or the one in AIRLOCK_MCP_TOKEN.\n\nExit status: 0 the client is gone · 2 usage · 10 no such session · 12 engine · 13 refused",
    )
    .action(act(serveMcp));
}
