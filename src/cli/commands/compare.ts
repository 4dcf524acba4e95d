import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { type Compared, compareChanges } from "../../changes/compare.js";
import type { Change } from "../../model/change.js";
import { changesOf } from "../../session/changes.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { countOf } from "../render/size.js";
import { formatTable } from "../render/table.js";
import { chooseSession, withBench } from "../with-bench.js";

interface CompareOptions extends GlobalOptions {
  readonly stat?: boolean;
}

const words: Readonly<Record<Compared["found"], string>> = {
  different: "different",
  first: "first alone",
  second: "second alone",
  same: "the same",
};

const order = ["different", "first", "second", "same"] as const;

function sideOf(change: Change | null): string {
  if (change === null) return "-";
  return change.risk.level === "high" ? `${change.kind} (high risk)` : change.kind;
}

function totalsOf(compared: readonly Compared[]): Record<Compared["found"], number> {
  const totals = { different: 0, first: 0, second: 0, same: 0 };
  for (const { found } of compared) totals[found] += 1;
  return totals;
}

async function compare(
  context: CommandContext,
  first: string,
  second: string,
  options: CompareOptions,
): Promise<number> {
  return withBench(context, async (bench) => {
    const [one, other] = [await chooseSession(context, bench, first), await chooseSession(context, bench, second)];
    if (one.id === other.id) throw new AirlockError("E_USAGE", "these are one session");
    if (one.project.path !== other.project.path)
      throw new AirlockError("E_USAGE", "these are sessions of two projects, which have nothing to compare");
    // A file is told from another by its hash, so all of them are needed.
    const [ofOne, ofOther] = [
      await changesOf(bench, one, { hashes: "all" }),
      await changesOf(bench, other, { hashes: "all" }),
    ];
    const compared = compareChanges(ofOne.changes, ofOther.changes);
    const totals = totalsOf(compared);
    if (options.json === true) {
      context.printJson({ first: one.id, second: other.id, totals, paths: compared });
      return 0;
    }
    if (options.stat !== true && compared.length > 0) {
      const rows = order.flatMap((found) =>
        compared
          .filter((each) => each.found === found)
          .map((each) => [words[found], sideOf(each.first), sideOf(each.second), displayPath(each.path)]),
      );
      context.print(`${formatTable([["", one.id, other.id, "PATH"], ...rows])}\n`);
    }
    const parts = order.map((found) => `${totals[found]} ${words[found]}`);
    context.print(`${countOf(compared.length, "path")}: ${parts.join(", ")}`);
    return 0;
  });
}

/** `airlock compare`. */
export function define(command: Command, act: Act): void {
  command
    .argument("<first>", "a session")
    .argument("<second>", "another one of the same project")
    .option("--stat", "the numbers alone")
    .addHelpText("after", "\nExit status: 0 · 2 nothing to compare · 10 no such session")
    .action(act(compare));
}
