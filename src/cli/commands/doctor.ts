import type { Command } from "commander";
import { escapeText } from "../../base/escape.js";
import { diagnose, type Finding } from "../../session/doctor.js";
import { findProject } from "../../session/project.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { configOf, loadConfigs } from "../options/plan-options.js";
import { makePalette, wantsColour } from "../render/colour.js";
import { withBench } from "../with-bench.js";

async function configFinding(context: CommandContext, options: GlobalOptions): Promise<Finding> {
  try {
    const project = await findProject(context.edge.cwd, options.project);
    const loaded = await loadConfigs(context, project);
    const changed = Object.entries(configOf(context, options, loaded).origins).filter(
      ([, origin]) => origin !== "default",
    );
    const files = [loaded.project?.file, loaded.user?.file].filter((file) => file !== undefined);
    const values = changed.map(([name, origin]) => `${name} by ${origin}`).join(", ");
    return {
      name: "configuration",
      status: "ok",
      detail: `${files.join(", ") || "no files"}${values === "" ? "" : `: ${values}`}`,
      hint: null,
    };
  } catch (error) {
    return {
      name: "configuration",
      status: "failed",
      detail: error instanceof Error ? error.message : String(error),
      hint: "airlock config check",
    };
  }
}

async function doctor(context: CommandContext, options: GlobalOptions): Promise<number> {
  const { edge } = context;
  return withBench(context, async (bench) => {
    const findings = [...(await diagnose(bench)), await configFinding(context, options)];
    const sound = findings.every(({ status }) => status !== "failed");
    if (options.json === true) {
      context.printJson({ ok: sound, findings });
      return sound ? 0 : 1;
    }
    const palette = makePalette(wantsColour(edge.env, edge.stdout.isTTY === true));
    const mark = {
      ok: palette.green("ok     "),
      warning: palette.yellow("warning"),
      failed: palette.red("failed "),
    } as const;
    for (const { name, status, detail, hint } of findings) {
      context.print(`${mark[status]}  ${name}: ${escapeText(detail)}`);
      if (hint !== null) context.print(`         ${hint}`);
    }
    return sound ? 0 : 1;
  });
}

/** `airlock doctor`. */
export function define(command: Command, act: Act): void {
  command
    .addHelpText(
      "after",
      "\nStarts a sandbox in each of the engine's runtimes and proves its wall.\n\nExit status: 0 all is well · 1 something failed",
    )
    .action(act(doctor));
}
