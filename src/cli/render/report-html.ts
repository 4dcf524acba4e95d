import { createHash } from "node:crypto";
import { displayPath, escapeText } from "../../base/escape.js";
import type { Change } from "../../model/change.js";
import type { ReportLine, ReportTotals, SessionReport } from "../../session/report.js";

/** What a page tells of a session. */
export interface ReportPage {
  readonly session: string;
  readonly project: string;
  readonly command: string | null;
  readonly report: SessionReport;
  /** What it changed; null: it was discarded, and nobody can look any more. */
  readonly changes: readonly Change[] | null;
}

// More than that nobody reads on a page, and a browser is slow with it; the journal has all of it.
const mostRows = 4_000;

const references: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const withoutMarkup = (text: string): string => text.replace(/[&<>"']/g, (character) => references[character] ?? "");

/** A text as it stands on a page: what a terminal or a reader could be fooled by is named, what is markup is none. */
const textOf = (text: string): string => withoutMarkup(escapeText(text));

const pathOf = (path: string): string => withoutMarkup(displayPath(path));

/** Which part of a session an entry is of. */
const lanes: readonly (readonly [name: string, kinds: RegExp])[] = [
  ["Commands", /^(command|cast)\./],
  ["Tools", /^(tool|hook)\./],
  ["Questions", /^question\./],
  ["Trust", /^(trust|snapshot)\./],
  ["Network", /^network\./],
  ["AWS", /^aws\./],
  ["Project", /^(changes|apply|undo|git|review)\./],
  ["Session", /./],
];

const laneOf = (kind: string): number => lanes.findIndex(([, kinds]) => kinds.test(kind));

const style = `
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --good: #2e7d32; --dim: #777; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #a5d6a7; --dim: #999; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { color: var(--dim); } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; } td:first-child { color: var(--dim); font-variant-numeric: tabular-nums; } td:first-child, th, .entries td:nth-child(2) { white-space: nowrap; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); } .dim { color: var(--dim); }
svg { width: 100%; height: auto; } svg text { fill: currentColor; font-size: 11px; } svg line { stroke: currentColor; }
svg .rule { stroke: var(--line); } svg .bad { stroke: var(--bad); stroke-width: 2; }
@media print { body { margin: 0; max-width: none; font-size: 10px; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
`;

const isBad = ({ text }: ReportLine): boolean => /^denied |\bdenied\b|refused|failed|could not be proved/.test(text);

const [left, laneHeight, wide] = [90, 22, 1_000];

/** The timeline: a lane for each part of a session, a mark for each entry, of those that matter a stronger one. */
function timeline(lines: readonly ReportLine[]): string {
  const first = Date.parse(lines[0]?.at ?? "");
  const last = Date.parse(lines.at(-1)?.at ?? "");
  const span = Math.max(1, last - first);
  const x = (at: string): string => (left + ((Date.parse(at) - first) / span) * (wide - left - 10)).toFixed(1);
  const height = lanes.length * laneHeight + 20;
  const rows = lanes.map(([name], index) => {
    const y = index * laneHeight + laneHeight / 2;
    return `<text x="0" y="${y + 4}">${name}</text><line class="rule" x1="${left}" x2="${wide}" y1="${y}" y2="${y}"/>`;
  });
  const marks = lines.map((line) => {
    const y = laneOf(line.kind) * laneHeight + laneHeight / 2;
    const reach = isBad(line) ? 9 : 6;
    const tone = isBad(line) ? ' class="bad"' : "";
    return `<line${tone} x1="${x(line.at)}" x2="${x(line.at)}" y1="${y - reach}" y2="${y + reach}"/>`;
  });
  const ends = `<text x="${left}" y="${height - 4}">${timeOf(lines[0]?.at)}</text><text x="${wide}" y="${height - 4}" text-anchor="end">${timeOf(lines.at(-1)?.at)}</text>`;
  const title = `${lines.length} entries from ${timeOf(lines[0]?.at)} to ${timeOf(lines.at(-1)?.at)}; the table below tells each`;
  return `<svg viewBox="0 0 ${wide} ${height}" role="img" aria-label="${title}">${rows.join("")}${marks.join("")}${ends}</svg>`;
}

const timeOf = (at: string | undefined): string => textOf(`${(at ?? "").slice(0, 19).replace("T", " ")}Z`);

function totalsList(totals: ReportTotals): string {
  const { changed } = totals;
  const rows: readonly (readonly [string, string])[] = [
    ["Tools", `${totals.asked} asked, ${totals.allowed} allowed, ${totals.denied} denied`],
    ["Commands", `${totals.ran} run`],
    ["Network", `${totals.connected} connected, ${totals.refused} refused or failed`],
    ["AWS", `${totals.awsCalls} called, ${totals.awsRefused} refused, ${totals.awsChanges} changed something by name`],
    [
      "Project",
      `${changed === null ? "not looked at" : `${changed.added} added, ${changed.modified} modified, ${changed.deleted} deleted`}; ${totals.applied} applied, ${totals.undone} undone`,
    ],
    ["Safety", `${totals.snapshots} snapshots, everything trusted ${totals.trustAllPeriods} times`],
    ["Session", `${totals.seconds.toFixed(0)} s; ${totals.isDiscarded ? "discarded" : "not discarded"}`],
  ];
  return `<dl>${rows.map(([name, text]) => `<dt>${name}</dt><dd>${textOf(text)}</dd>`).join("")}</dl>`;
}

function changesTable(changes: readonly Change[] | null): string {
  if (changes === null) return "<p>The session was discarded: what it changed is told by the entries below.</p>";
  if (changes.length === 0) return "<p>Nothing, or nothing that is not applied.</p>";
  const rows = changes.slice(0, mostRows).map(({ kind, path, risk }) => {
    const tone = risk.level === "high" || kind === "deleted" ? "bad" : kind === "added" ? "good" : "";
    return `<tr><td class="${tone}">${kind}</td><td>${pathOf(path)}</td><td>${textOf(risk.reasons.join("; "))}</td></tr>`;
  });
  const more = changes.length - rows.length;
  const head = '<tr><th scope="col">Change</th><th scope="col">Path</th><th scope="col">Risk</th></tr>';
  const note = more === 0 ? "" : `<p class="dim">${more} more: airlock diff has all of them.</p>`;
  return `<table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>${note}`;
}

function linesTable(lines: readonly ReportLine[]): string {
  const rows = lines.map((line) => {
    const lane = lanes[laneOf(line.kind)]?.[0] ?? "";
    return `<tr><td>${timeOf(line.at)}</td><td>${lane}</td><td${isBad(line) ? ' class="bad"' : ""}>${textOf(line.text)}</td></tr>`;
  });
  const head = '<tr><th scope="col">Time</th><th scope="col">Part</th><th scope="col">What</th></tr>';
  return `<table class="entries"><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>`;
}

/** What is at both ends matters most: how it began, and how it ended. */
function bothEnds(lines: readonly ReportLine[]): readonly ReportLine[] {
  if (lines.length <= mostRows) return lines;
  return [...lines.slice(0, mostRows / 2), ...lines.slice(-mostRows / 2)];
}

/**
 * One page that tells what a session did: a file by itself, without a script, that loads nothing, for a screen and for paper. Everything on
 * it may come from a sandbox.
 */
export function renderReportHtml({ session, project, command, report, changes }: ReportPage): string {
  const shown = bothEnds(report.lines);
  const hidden = report.lines.length - shown.length;
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const ran = command === null ? "" : `<dt>Command</dt><dd><code>${textOf(command)}</code></dd>`;
  const leftOut =
    hidden === 0 ? "" : `<p class="dim">${hidden} entries in between are left out: airlock log has all of them.</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Airlock: ${textOf(session)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>What session ${textOf(session)} did</h1>
<dl><dt>Project</dt><dd>${pathOf(project)}</dd>${ran}</dl>
<h2>In numbers</h2>
${totalsList(report.totals)}
<h2>In time</h2>
${shown.length === 0 ? "<p>Nothing is recorded.</p>" : timeline(shown)}
<h2>What it changed</h2>
${changesTable(changes)}
<h2>Entry by entry</h2>
${leftOut}
${linesTable(shown)}
</main>
</body>
</html>
`;
}
