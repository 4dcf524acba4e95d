import type { Command } from "commander";
import { messageOf } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { SessionRecord } from "../../model/session.js";
import { findProject } from "../../session/project.js";
import { liveState } from "../../session/status.js";
import { listSessions } from "../../session/store.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatTable } from "../render/table.js";
import { reportAbandoned, withBench } from "../with-bench.js";

interface LsOptions extends GlobalOptions {
  readonly all?: boolean;
}

interface Row {
  readonly record: SessionRecord;
  readonly state: string;
}

function commandOf({ command, lower }: SessionRecord): string {
  const [top] = lower ?? [];
  if (top !== undefined) return `(fork of ${top.session}/${top.snapshot})`;
  return command === null ? "(started)" : command.join(" ");
}

function toJson({ record, state }: Row): unknown {
  const { id, createdAt, project, image, command, lastExit, lower } = record;
  const fork = lower === undefined ? {} : { lower };
  return { id, state, createdAt, project: project.path, image: image.reference, command, lastExit, ...fork };
}

function toCells({ record, state }: Row): string[] {
  const command = escapeText(commandOf(record));
  return [
    record.id,
    state,
    record.createdAt,
    escapeText(record.project.path),
    command.length > 40 ? `${command.slice(0, 39)}…` : command,
  ];
}

async function ls(context: CommandContext, options: LsOptions): Promise<number> {
  return withBench(context, async (bench) => {
    await reportAbandoned(context, bench);
    const project =
      context.options.project === undefined ? undefined : await findProject(context.edge.cwd, context.options.project);
    const records = await listSessions(bench.home, (error) => context.warn(messageOf(error)));
    const wanted = records.filter(
      (record) =>
        (options.all === true || record.state !== "discarded") &&
        (project === undefined || record.project.path === project),
    );
    const rows: Row[] = await Promise.all(
      wanted.map(async (record) => ({ record, state: await liveState(bench, record) })),
    );
    if (options.json === true) context.printJson(rows.map(toJson));
    else if (rows.length === 0) context.note("no sessions; airlock run -- COMMAND makes one");
    else context.print(formatTable([["SESSION", "STATE", "CREATED", "PROJECT", "COMMAND"], ...rows.map(toCells)]));
    return 0;
  });
}

/** `airlock ls`. */
export function define(command: Command, act: Act): void {
  command
    .option("-a, --all", "also discarded sessions, of which the journal is left")
    .addHelpText(
      "after",
      "\nSessions of every project, newest first; --project narrows it.\n\nExit status: 0 · 12 engine",
    )
    .action(act(ls));
}
