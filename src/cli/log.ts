import type { Command } from "commander";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { JournalEntry } from "../journal/entry.js";
import { readJournal } from "../journal/read.js";
import { verifyJournal } from "../journal/verify.js";
import { journalPaths } from "../session/home.js";
import type { Act } from "./command.js";
import type { CommandContext, GlobalOptions } from "./context.js";
import { chooseSession, withBench } from "./with-bench.js";

interface LogOptions extends GlobalOptions {
  readonly verify?: boolean;
}

function formatLine({ seq, at, kind, data }: JournalEntry): string {
  const fields = Object.entries(data).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return escapeText(`${String(seq).padStart(4)}  ${at}  ${kind.padEnd(20)}  ${fields.join(" ")}`);
}

async function log(context: CommandContext, id: string | undefined, options: LogOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id, { includeDiscarded: true });
    const { journal, head } = journalPaths(bench.home, record.id);
    if (options.verify === true) {
      const verdict = await verifyJournal(journal, head);
      if (options.json === true) context.printJson({ session: record.id, ...verdict });
      else if (verdict.ok) context.print(`${record.id}: ${verdict.entries} entries, the chain is whole`);
      if (verdict.ok) return 0;
      throw new AirlockError("E_JOURNAL_DAMAGED", `line ${verdict.line} of ${journal}: ${verdict.problem}`, {
        hint: "entries before that line can be trusted, it and what follows cannot",
      });
    }
    for await (const entry of readJournal(journal)) {
      context.print(options.json === true ? JSON.stringify(entry) : formatLine(entry));
    }
    return 0;
  });
}

/** `airlock log`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project, discarded ones included")
    .option("--verify", "check the hash chain instead of printing it")
    .addHelpText(
      "after",
      "\nWith --json: one entry a line.\n\nExit status: 0 · 10 no such session · 15 the journal is damaged",
    )
    .action(act(log));
}
