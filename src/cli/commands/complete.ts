import type { Argument, Command, Option } from "commander";
import { escapeText } from "../../base/escape.js";
import type { SessionRecord } from "../../model/session.js";
import { findProject } from "../../session/project.js";
import { listSessions, loadSnapshots } from "../../session/store.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act, CommandEntry } from "../command.js";
import type { CommandContext } from "../context.js";
import { addCommand, makeProgram } from "../make-program.js";
import { withBench } from "../with-bench.js";

/** A word that could stand here, and what it means. */
interface Candidate {
  readonly word: string;
  readonly text: string;
}

/** What could stand where Tab was pressed; `files` adds what the shell itself finds. */
interface Offer {
  readonly candidates: readonly Candidate[];
  readonly files: boolean;
}

const files: Offer = { candidates: [], files: true };
const nothing: Offer = { candidates: [], files: false };

const plain = (words: readonly string[]): Offer => ({
  candidates: words.map((word) => ({ word, text: "" })),
  files: false,
});

// bash takes `--option=value` for three words.
function joinEquals(words: readonly string[]): string[] {
  return words.filter((word, index) => !(word === "=" && words[index - 1]?.startsWith("--") === true));
}

async function sessionsOf(context: CommandContext, bench: Workbench): Promise<SessionRecord[]> {
  const project = await findProject(context.edge.cwd, undefined).catch(() => null);
  const all = await listSessions(bench.home, () => undefined);
  const live = all.filter(({ state }) => state !== "discarded");
  return [...live].sort((a, b) => Number(b.project.path === project) - Number(a.project.path === project));
}

function sessionCandidate({ id, state, command }: SessionRecord): Candidate {
  return { word: id, text: `${state}: ${escapeText(command === null ? "started" : command.join(" ")).slice(0, 60)}` };
}

async function snapshotCandidates(bench: Workbench, records: readonly SessionRecord[]): Promise<Candidate[]> {
  const lists = await Promise.all(
    records.map(async ({ id }) => {
      const snapshots = await loadSnapshots(bench.home, id).catch(() => []);
      return snapshots.map(({ id: snapshot, message }) => ({ word: `${id}/${snapshot}`, text: escapeText(message) }));
    }),
  );
  return lists.flat();
}

/** What the name of an argument, or of an option's value, stands for. */
async function offerFor(name: string, context: CommandContext): Promise<Offer> {
  if (name === "shell") return plain(["bash", "zsh", "fish"]);
  if (/^(file|folder|path|host\[:mode\])$/.test(name)) return files;
  if (!/^(id|session|words|snapshot)$/.test(name)) return nothing;
  return await withBench(context, async (bench) => {
    const records = await sessionsOf(context, bench);
    const candidates = name === "snapshot" ? await snapshotCandidates(bench, records) : records.map(sessionCandidate);
    return { candidates, files: name === "words" };
  });
}

const isNamed =
  (word: string) =>
  ({ long, short, required }: Option): boolean =>
    required && (long === word || short === word);

const valueName = ({ flags }: Option): string => /[<[]([^>]*?)(?:\.\.\.)?[>\]]$/.exec(flags)?.[1] ?? "";

async function offerValue(option: Option, context: CommandContext): Promise<Offer> {
  return option.argChoices === undefined ? await offerFor(valueName(option), context) : plain(option.argChoices);
}

function offerOptions(command: Command): Offer {
  const options = command.options.filter(({ hidden }) => !hidden);
  const candidates = options.map(({ long, short, description }) => ({ word: long ?? short ?? "", text: description }));
  return { candidates: [...candidates, { word: "--help", text: "show help" }], files: false };
}

const offerCommands = (commands: readonly Command[]): Offer => ({
  candidates: commands.map((each) => ({ word: each.name(), text: each.description() })),
  files: false,
});

/** Walks the words before the present one: which command is meant, how many arguments it has, and which option waits for its value. */
function readWords(start: Command, words: readonly string[]) {
  let command = start;
  let given = 0;
  let waiting: Option | null = null;
  let isPlain = false;
  for (const word of words) {
    const subcommand = given === 0 ? command.commands.find((each) => each.name() === word) : undefined;
    if (waiting !== null) waiting = null;
    else if (isPlain) given += 1;
    else if (word === "--") isPlain = true;
    else if (subcommand !== undefined) command = subcommand;
    else if (word.startsWith("-")) waiting = command.options.find(isNamed(word)) ?? null;
    else given += 1;
  }
  return { command, given, waiting, isPlain };
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const last = command.registeredArguments.at(-1);
  return command.registeredArguments[index] ?? (last?.variadic === true ? last : undefined);
}

async function offer(context: CommandContext, entry: CommandEntry, words: readonly string[]): Promise<Offer> {
  const idle: Act = () => async () => undefined;
  const start = await addCommand(makeProgram(context.edge), entry, idle);
  const current = words.at(-1) ?? "";
  const { command, given, waiting, isPlain } = readWords(start, words.slice(0, -1));
  if (waiting !== null) return await offerValue(waiting, context);
  if (isPlain) return files;
  const equals = current.indexOf("=");
  if (current.startsWith("--") && equals > 0) {
    const option = command.options.find(isNamed(current.slice(0, equals)));
    if (option === undefined) return nothing;
    const { candidates } = await offerValue(option, context);
    return { candidates: candidates.map(({ word, text }) => ({ word: `${option.long}=${word}`, text })), files: false };
  }
  if (current.startsWith("-")) return offerOptions(command);
  if (command.commands.length > 0 && given === 0) return offerCommands(command.commands);
  const argument = argumentAt(command, given);
  if (argument === undefined) return nothing;
  if (argument.argChoices !== undefined) return plain(argument.argChoices);
  // What is run inside is not ours to know.
  if (argument.name() === "command" || (entry.name === "exec" && given > 0)) return files;
  const found = await offerFor(argument.name(), context);
  return entry.name === "exec" ? { ...found, files: false } : found;
}

async function complete(context: CommandContext, given: readonly string[]): Promise<number> {
  const words = joinEquals(given);
  const current = words.at(-1) ?? "";
  const entry = context.commands.find(({ name }) => name === words[0]);
  const program = makeProgram(context.edge);
  const visible = context.commands.filter(({ hidden }) => hidden !== true);
  const found: Offer =
    words.length > 1
      ? entry === undefined
        ? nothing
        : await offer(context, entry, words.slice(1))
      : current.startsWith("-")
        ? offerOptions(program)
        : { candidates: visible.map(({ name, summary }) => ({ word: name, text: summary })), files: false };
  const fitting = found.candidates.filter(({ word }) => word.startsWith(current));
  if (fitting.length > 0) context.print(fitting.map(({ word, text }) => `${word}\t${text}`).join("\n"));
  if (found.files) context.print(":files");
  return 0;
}

/** `airlock complete`, which the shells' completion asks: a line for each word, `:files` where files fit too. */
export function define(command: Command, act: Act): void {
  command
    .argument("[words...]", "the words after airlock; the last one is where Tab was pressed")
    .action(act(complete));
}
