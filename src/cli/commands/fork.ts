import type { Command } from "commander";
import type { SessionRecord } from "../../model/session.js";
import { forkSnapshot } from "../../session/fork.js";
import type { Act } from "../command.js";
import type { CommandContext } from "../context.js";
import { collectEnv } from "../options/env-options.js";
import { forkOptions, makePlan, parsed, type SessionOptions } from "../options/plan-options.js";
import { parseSnapshotReference } from "../options/snapshot-reference.js";
import { announceAws, announceSession, announceTrust } from "../render/announce.js";
import { chooseSession, programOf, reportAbandoned, withBench } from "../with-bench.js";

const mostForks = 20;

interface ForkOptions extends SessionOptions {
  readonly count?: number;
}

const count = (text: string): number | null =>
  /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= mostForks ? Number(text) : null;

// Of one fork the name is the name; of several it is what their names begin with.
function namesOf({ count = 1, name }: ForkOptions): (string | undefined)[] {
  return Array.from({ length: count }, (_, index) =>
    name === undefined || count === 1 ? name : `${name}-${index + 1}`,
  );
}

async function fork(context: CommandContext, reference: string, options: ForkOptions): Promise<number> {
  const { session, snapshot } = parseSnapshotReference(reference);
  return withBench(context, async (bench) => {
    bench.prepare();
    await reportAbandoned(context, bench);
    const parent = await chooseSession(context, bench, session);
    const inherited = { project: parent.project.path, image: parent.image.reference, user: parent.user };
    const wish = { command: null, tty: false };
    const { plan, env } = await makePlan(context, bench, { ...options, ...inherited }, wish);
    const secrets = await collectEnv(context.edge, options);
    bench.known.learn(secrets.values());
    const started: SessionRecord[] = [];
    const onStarted = async (record: SessionRecord): Promise<void> => {
      started.push(record);
      announceSession(context, record);
      await announceAws(context, bench, record);
      await announceTrust(context, bench, record, plan.trust);
      if (options.json !== true) context.print(record.id);
    };
    try {
      await forkSnapshot(bench, {
        parent: parent.id,
        snapshot,
        names: namesOf(options),
        plan,
        env: new Map([...env, ...secrets]),
        program: programOf(context),
        onStarted,
      });
    } finally {
      if (options.json === true && started.length > 0)
        context.printJson({
          parent: parent.id,
          snapshot,
          project: parent.project.path,
          forks: started.map(({ id }) => id),
        });
    }
    return 0;
  });
}

/** `airlock fork`. */
export function define(command: Command, act: Act): void {
  forkOptions(command)
    .argument("<snapshot>", "a snapshot of the project's newest session (s2), or SESSION/s2")
    .option("-n, --count <number>", "how many sessions", parsed("count", count, `a number from 1 to ${mostForks}`))
    .option("--name <id>", "the fork's id; of several, what their ids begin with (ID-1, ID-2, ...)")
    .addHelpText(
      "after",
      "\nEach fork is a started session of its own on the same project, image and paths. The snapshot is shared, not copied: it stays as long as a fork does. \
What a fork may reach, and what is trusted, is said anew by options and configuration. airlock compare lays two forks side by side.\n\n\
Exit status: 0 · 2 usage or configuration · 10 no such session or snapshot · 11 busy · 12 engine · 13 refused or the wall is not proved · 15 the snapshot is damaged",
    )
    .action(act(fork));
}
