import type { Command } from "commander";
import { startSession } from "../../session/start.js";
import type { Act } from "../command.js";
import type { CommandContext } from "../context.js";
import { collectEnv } from "../options/env-options.js";
import { makePlan, type SessionOptions, sessionOptions } from "../options/plan-options.js";
import { announceAws, announceSession, announceTrust } from "../render/announce.js";
import { programOf, reportAbandoned, withBench } from "../with-bench.js";

async function start(context: CommandContext, options: SessionOptions): Promise<number> {
  return withBench(context, async (bench) => {
    bench.prepare();
    await reportAbandoned(context, bench);
    const { plan, env } = await makePlan(context, bench, options, { command: null, tty: false });
    const secrets = await collectEnv(context.edge, options);
    bench.known.learn(secrets.values());
    const given = new Map([...env, ...secrets]);
    const record = await startSession(bench, { plan, env: given, program: programOf(context) });
    announceSession(context, record);
    await announceAws(context, bench, record);
    await announceTrust(context, bench, record, plan.trust);
    if (options.json === true)
      context.printJson({ session: record.id, project: record.project.path, workspace: record.workspace });
    else context.print(record.id);
    return 0;
  });
}

/** `airlock start`. */
export function define(command: Command, act: Act): void {
  sessionOptions(command)
    .addHelpText(
      "after",
      "\nPrints the session's id. airlock exec and airlock shell join it; airlock discard ends it.\n\nExit status: 0 · 2 usage or configuration · 12 engine · 13 refused or the wall is not proved",
    )
    .action(act(start));
}
