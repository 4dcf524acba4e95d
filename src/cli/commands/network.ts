import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { parseDuration } from "../../config/units.js";
import { loadPreset, presetNames, presetRules } from "../../gate/presets.js";
import type { JournalEntry } from "../../journal/entry.js";
import { readJournal } from "../../journal/read.js";
import { journalPaths } from "../../session/home.js";
import { changeNetwork, networkRules } from "../../session/network/change-network.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import { addGlobalOptions, type CommandContext, type GlobalOptions } from "../context.js";
import { presetPlace } from "../options/network-policy.js";
import { networkText } from "../render/network-text.js";
import { formatTable } from "../render/table.js";
import { chooseSession, withBench } from "../with-bench.js";

interface NetworkOptions extends GlobalOptions {
  readonly session?: string;
  readonly for?: string;
  readonly denied?: boolean;
  readonly open?: boolean;
}

const endsConnections = new Set([
  "network.open",
  "network.lost",
  "network.sealed",
  "sandbox.end",
  "session.interrupted",
]);

interface PresetOptions extends GlobalOptions {
  readonly image?: string;
}

const presets = (context: CommandContext, names: readonly string[], options: PresetOptions): Promise<number> =>
  withBench(context, async (bench) => await listPresets(context, bench, names, options));

async function listPresets(
  context: CommandContext,
  bench: Workbench,
  names: readonly string[],
  options: PresetOptions,
): Promise<number> {
  const place = presetPlace(context, bench, options.image);
  const wanted = names.length > 0 ? names : await presetNames(place);
  const rows: { name: string; title: string; hosts: string[] }[] = [];
  for (const name of wanted) {
    const preset = await loadPreset(name, place);
    // Asking a client takes its time: only for what was named.
    const rules = "client" in preset && names.length === 0 ? [] : await presetRules(name, place);
    rows.push({ name, title: preset.title, hosts: rules.map(({ pattern }) => pattern) });
  }
  if (options.json === true) context.printJson(rows);
  else
    for (const { name, title, hosts } of rows)
      context.print(`${name.padEnd(8)}  ${title}${hosts.map((host) => `\n          ${escapeText(host)}`).join("")}`);
  return 0;
}

async function show(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id);
    const rules = await networkRules(bench, record);
    if (options.json === true) context.printJson({ session: record.id, mode: record.network ?? "none", rules });
    else {
      context.print(`${record.id}: ${networkText(record)}`);
      const rows = rules.map(({ action, pattern, origin, until }) => [
        action === "private" ? "allowPrivate" : action,
        escapeText(pattern),
        origin,
        until === null ? "" : `until ${new Date(until).toISOString()}`,
      ]);
      if (rows.length > 0) context.print(formatTable(rows));
    }
    return 0;
  });
}

const change =
  (action: "allow" | "deny") =>
  async (context: CommandContext, pattern: string, options: NetworkOptions): Promise<number> => {
    const seconds = options.for === undefined ? null : parseDuration(options.for);
    if (options.for !== undefined && seconds === null)
      throw new AirlockError("E_USAGE", `--for: "${options.for}" is not a time such as 10m`);
    return withBench(context, async (bench) => {
      const record = await chooseSession(context, bench, options.session);
      await changeNetwork(bench, record.id, { action, pattern, seconds });
      context.note(`${record.id}: ${action} ${pattern}${options.for === undefined ? "" : ` for ${options.for}`}`);
      return 0;
    });
  };

function formatData(data: JournalEntry["data"]): string {
  const said = Object.entries(data).filter(([, value]) => value !== null);
  return said
    .map(([key, value]) => `${key} ${key === "until" ? new Date(Number(value)).toISOString() : String(value)}`)
    .join(", ");
}

function formatEntry({ at, kind, data }: JournalEntry): string {
  const { name, port, decision, rule, reason, address, bytesOut, bytesIn, milliseconds } = data;
  if (kind === "network.connect") return escapeText(`${at}  opened    ${name}:${port}  ${address}  [${rule}]`);
  if (kind !== "network.connection") return escapeText(`${at}  ${kind.slice(8).padEnd(8)}  ${formatData(data)}`);
  const moved = decision === "allowed" ? `${address} out ${bytesOut} in ${bytesIn} ${milliseconds} ms` : String(reason);
  const why = rule === reason ? "" : `  [${rule}]`;
  return escapeText(`${at}  ${String(decision).padEnd(8)}  ${name}:${port}  ${moved}${why}`);
}

const isEndOfRun = ({ kind, data }: JournalEntry): boolean => kind === "command.end" && data["exec"] === undefined;

// The gate that made a connection counts it; where a gate ended, so did all that it had made.
async function stillOpen(entries: AsyncIterable<JournalEntry>): Promise<JournalEntry[]> {
  const open = new Map<unknown, JournalEntry>();
  for await (const entry of entries) {
    const number = entry.data["connection"];
    if (entry.kind === "network.connect") open.set(number, entry);
    else if (entry.kind === "network.connection") open.delete(number);
    else if (endsConnections.has(entry.kind) || isEndOfRun(entry)) open.clear();
  }
  return [...open.values()];
}

async function log(context: CommandContext, id: string | undefined, options: NetworkOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const record = await chooseSession(context, bench, id, { includeDiscarded: true });
    const journal = readJournal(journalPaths(bench.home, record.id).journal);
    for await (const entry of options.open === true ? await stillOpen(journal) : journal) {
      if (!entry.kind.startsWith("network.")) continue;
      if (options.denied === true && entry.data["decision"] !== "denied") continue;
      context.print(options.json === true ? JSON.stringify(entry) : formatEntry(entry));
    }
    return 0;
  });
}

/** `airlock network`. */
export function define(command: Command, act: Act): void {
  command.addHelpText("after", "\nExit status: 0 · 2 not a rule · 10 no such session · 11 the session has no network");
  const sub = (name: string, summary: string): Command =>
    addGlobalOptions(command.command(name).description(summary), { json: true });
  const session = (each: Command): Command =>
    each.option("--session <id>", "the session; by default the newest of the project");
  sub("show", "show the rules of a session").argument("[id]", "the session").action(act(show));
  session(sub("allow", "allow a host from now on"))
    .argument("<host[:port]>", "the host, on port 443 when none is given")
    .option("--for <time>", "only for so long, e.g. 10m")
    .action(act(change("allow")));
  session(sub("deny", "deny a host from now on"))
    .argument("<host[:port]>", "the host, on every port when none is given")
    .option("--for <time>", "only for so long, e.g. 10m")
    .action(act(change("deny")));
  sub("log", "show every connection of a session")
    .argument("[id]", "the session")
    .option("--denied", "only those that were denied")
    .option("--open", "only those that are open now")
    .action(act(log));
  sub("presets", "list the presets, or the hosts of those named")
    .argument("[names...]", "presets")
    .option("--image <image>", "for the sandboxes of this image, instead of Airlock's own")
    .action(act(presets));
}
