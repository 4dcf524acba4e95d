import { escapeText } from "../../base/escape.js";
import type { SessionRecord } from "../../model/session.js";
import { findExposedTokens } from "../../policy/exposed-tokens.js";
import { loadAws } from "../../session/aws/aws-file.js";
import { checkedOutBranch, looksLikeProduction } from "../../session/git/checked-out-branch.js";
import { networkRules } from "../../session/network/change-network.js";
import { hasNetwork } from "../../session/network/hatch.js";
import { findShownSecrets } from "../../session/tools/shown-secrets.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { awsReach } from "./aws-text.js";
import { makePalette, type Palette, wantsColour } from "./colour.js";

const shown = 8;

const few = (list: readonly string[]): string =>
  list.slice(0, shown).map(escapeText).join(", ") + (list.length > shown ? `, and ${list.length - shown} more` : "");

async function hostsOf(bench: Workbench, record: SessionRecord): Promise<string> {
  if (!hasNetwork(record)) return "no network";
  if (record.network === "open") return "ANY public host";
  const allowed = (await networkRules(bench, record)).filter(
    ({ action }) => action === "allow" || action === "private",
  );
  return allowed.length === 0 ? "no host" : few([...new Set(allowed.map(({ pattern }) => pattern))]);
}

async function awsLine(bench: Workbench, record: SessionRecord, palette: Palette): Promise<string> {
  const file = await loadAws(bench.home, record.id);
  if (file === null) return "  AWS              no credentials";
  const line = `  AWS              ${awsReach(file)}`;
  return file.wish.mode === "direct" || file.trace?.kind === "unscoped" ? palette.red(line) : line;
}

/** What can be reached by a session whose tools are not asked about: said before everything is trusted. */
export async function reachableText(context: CommandContext, bench: Workbench, record: SessionRecord): Promise<string> {
  const palette = makePalette(wantsColour(context.edge.env, context.edge.stderr.isTTY === true));
  const written = record.paths.filter(({ mode }) => mode === "rw").map(({ hostPath }) => hostPath);
  const branch = await checkedOutBranch(record.project.path);
  const shownSecrets = await findShownSecrets(record, context.edge.signal);
  const secrets = [
    ...findExposedTokens(record.project.path, record.hidden).map((path) => `${path} (token)`),
    ...shownSecrets.found.map(({ path, rule }) => `${path} (${rule})`),
  ];
  const lines = [
    "Every tool will run without asking, inside the sandbox. It reaches:",
    `  the project      a copy: changes wait for your review (${escapeText(record.project.path)})`,
    ...(branch !== null && looksLikeProduction(branch)
      ? [palette.red(`  THE BRANCH       ${escapeText(branch)} is checked out: what you apply lands there`)]
      : []),
    written.length === 0
      ? "  this machine     nothing is written through"
      : palette.red(`  THIS MACHINE     written through at once, no snapshot takes it back: ${few(written)}`),
    `  the network      ${await hostsOf(bench, record)}`,
    `  secrets          ${record.hidden.length} hidden${shownSecrets.isWhole ? "" : "; there was too much to look through for others"}`,
    ...(secrets.length === 0 ? [] : [palette.red(`  SECRETS SHOWN    can be read inside: ${few(secrets)}`)]),
    await awsLine(bench, record, palette),
  ];
  return lines.join("\n");
}
