import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { parseDuration } from "../../config/units.js";
import type { JournalEntry } from "../../journal/entry.js";
import { readJournal } from "../../journal/read.js";
import { verifyJournal } from "../../journal/verify.js";
import type { JournalPaths } from "../../journal/write.js";
import { journalPaths } from "../../session/home.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { chooseSession, withBench } from "../with-bench.js";

interface LogOptions extends GlobalOptions {
  readonly verify?: boolean;
  readonly head?: string;
  readonly follow?: boolean;
  readonly since?: string;
  readonly tool?: string;
  readonly kind?: string;
  readonly grep?: string;
}

type Filter = (entry: JournalEntry) => boolean;

function sinceWhen(text: string): string {
  const seconds = parseDuration(text);
  const time = seconds === null ? Date.parse(text) : Date.now() - seconds * 1_000;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new AirlockError("E_USAGE", `--since is neither a duration nor a time: ${escapeText(text)}`, {
    hint: "write 10m, 2h or 2026-01-31T12:00:00Z",
  });
}

function filterOf({ since, tool, kind, grep }: LogOptions): Filter {
  const from = since === undefined ? "" : sinceWhen(since);
  return (entry) =>
    entry.at >= from &&
    (tool === undefined || entry.data["tool"] === tool) &&
    (kind === undefined || entry.kind.startsWith(kind)) &&
    (grep === undefined || formatLine(entry).includes(grep));
}

function formatLine({ seq, at, kind, data }: JournalEntry): string {
  const fields = Object.entries(data).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return escapeText(`${String(seq).padStart(4)}  ${at}  ${kind.padEnd(20)}  ${fields.join(" ")}`);
}

const lookMs = 250;

// Until Ctrl-C, or until nobody reads what is printed any more.
function awaitMore({ edge }: CommandContext): () => Promise<boolean> {
  let isUnread = false;
  edge.stdout.once("error", () => {
    isUnread = true;
  });
  return async () => {
    await sleep(lookMs, undefined, { signal: edge.signal }).catch(() => undefined);
    return !isUnread && !edge.signal.aborted;
  };
}

async function verify(context: CommandContext, session: string, { journal, head }: JournalPaths): Promise<number> {
  const { options } = context;
  const wanted = (options as LogOptions).head?.toLowerCase();
  if (wanted !== undefined && !/^[0-9a-f]{64}$/.test(wanted))
    throw new AirlockError("E_USAGE", "--head is not a hash: 64 hexadecimal digits, as the receipt has them");
  const verdict = await verifyJournal(journal, head, wanted);
  if (options.json === true) context.printJson({ session, ...verdict });
  else if (verdict.ok)
    context.print(`${session}: ${verdict.entries} entries, the chain is whole, head ${verdict.head}`);
  if (verdict.ok) return 0;
  throw new AirlockError("E_JOURNAL_DAMAGED", `line ${verdict.line} of ${journal}: ${verdict.problem}`, {
    hint: "entries before that line can be trusted, it and what follows cannot",
  });
}

async function log(context: CommandContext, id: string | undefined, options: LogOptions): Promise<number> {
  if (options.verify === true && options.follow === true)
    throw new AirlockError("E_USAGE", "give either --verify or --follow, not both");
  if (options.head !== undefined && options.verify !== true)
    throw new AirlockError("E_USAGE", "--head is for --verify", { hint: "airlock log --verify --head HASH" });
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id, { includeDiscarded: true });
    const paths = journalPaths(bench.home, record.id);
    if (options.verify === true) return await verify(context, record.id, paths);
    const isWanted = filterOf(options);
    for await (const entry of readJournal(paths.journal, options.follow === true ? awaitMore(context) : undefined)) {
      if (isWanted(entry)) context.print(options.json === true ? JSON.stringify(entry) : formatLine(entry));
    }
    return 0;
  });
}

/** `airlock log`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project, discarded ones included")
    .option("--verify", "check the hash chain instead of printing it")
    .option("--head <hash>", "with --verify: the entry of that hash must be in it, as a receipt has it")
    .option("-f, --follow", "go on with what is written from now on; Ctrl-C ends it")
    .option("--since <time>", "only what is younger: 10m, or 2026-01-31T12:00:00Z")
    .option("--tool <name>", "only the calls of a tool, and their results")
    .option("--kind <prefix>", "only kinds that begin so: tool., network.")
    .option("--grep <text>", "only lines that hold the text")
    .addHelpText(
      "after",
      "\nWith --json: one entry a line.\n\nExit status: 0 · 10 no such session · 15 the journal is damaged · 130 Ctrl-C ended --follow",
    )
    .action(act(log));
}
