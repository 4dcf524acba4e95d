import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { forwardPort } from "../../session/network/forward.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { chooseSession, programOf, withBench } from "../with-bench.js";

interface ForwardOptions extends GlobalOptions {
  readonly session?: string;
  readonly on?: string;
}

function parsePorts(text: string): { readonly inside: number; readonly port: number } {
  const match = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text);
  const inside = Number(match?.[1] ?? 0);
  const port = Number(match?.[2] ?? inside);
  if (inside < 1 || inside > 65_535 || port > 65_535) {
    throw new AirlockError("E_USAGE", `"${text}" is not a port or two`, {
      hint: "3000, or 3000:8080 for 8080 on this machine",
    });
  }
  return { inside, port };
}

async function forward(context: CommandContext, ports: string, options: ForwardOptions): Promise<number> {
  const wish = parsePorts(ports);
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, options.session);
    const address = options.on ?? "127.0.0.1";
    if (address !== "127.0.0.1") context.warn(`others may reach port ${wish.port} of this machine at ${address}`);
    await forwardPort(bench, record.id, {
      ...wish,
      address,
      program: programOf(context),
      onOpen: (on, port) => context.print(`${on}:${port} leads to port ${wish.inside} of ${record.id}; Ctrl-C ends it`),
    });
    return 0;
  });
}

/** `airlock forward`. */
export function define(command: Command, act: Act): void {
  command
    .argument("<port[:local]>", "the port inside, and the one on this machine when it is another (0: any)")
    .option("--session <id>", "the session; by default the newest of the project")
    .option("--on <address>", "an address of this machine to open it on, instead of 127.0.0.1")
    .addHelpText(
      "after",
      "\nExit status: 0 when ended by Ctrl-C · 2 the port is taken · 10 no such session · 13 sealed",
    )
    .action(act(forward));
}
