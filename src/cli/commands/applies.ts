import type { Command } from "commander";
import { appliesOf, appliesTo, type NamedApply } from "../../session/apply/undo.js";
import { findProject } from "../../session/project.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { formatTable } from "../render/table.js";
import { chooseSession, withBench } from "../with-bench.js";

/** What became of an apply, for people. */
export function applyState({ phase, undone }: NamedApply): string {
  if (phase === "committed") return undone ? "undone" : "stands";
  return phase === "rolled-back" ? "failed, rolled back" : "not finished";
}

function rowOf(apply: NamedApply): string[] {
  const kind = apply.kind === "undo" ? `undo of ${apply.undoes}` : "apply";
  return [apply.applyId, apply.createdAt, kind, String(apply.paths), applyState(apply)];
}

async function applies(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const project = await findProject(context.edge.cwd, context.options.project);
    const list =
      id === undefined
        ? await appliesTo(bench, project)
        : await appliesOf(bench, (await chooseSession(context, bench, id, { includeDiscarded: true })).id);
    if (options.json === true) {
      context.printJson({ applies: list.map(({ id: _, ...shown }) => shown) });
      return 0;
    }
    if (list.length === 0) context.note("nothing was applied yet");
    else context.print(formatTable([["APPLY", "AT", "KIND", "PATHS", "STATE"], ...list.map(rowOf)]));
    return 0;
  });
}

/** `airlock applies`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "a session; by default all of the project, also discarded ones")
    .addHelpText("after", "\nExit status: 0 · 10 no such session")
    .action(act(applies));
}
