import { posix } from "node:path";
import type { ToolName, TrustSubject } from "../model/tool.js";
import type { TrustDecision, TrustRule, TrustState, TrustTier, TrustVerdict } from "../model/trust.js";
import { hidesCommands, matchesCommand, matchesDenied, matchesTrusted } from "./command-pattern.js";
import { matchesPath, mayReachInto } from "./path-pattern.js";
import { formatRule } from "./rule-text.js";
import type { ReadShell, ShellReading, ShellRedirect, ShellWord } from "./shell-reading.js";
import { awsTiers, pathTiers, shellTiers } from "./tiers.js";

type Finding = Pick<TrustDecision, "verdict" | "rule" | "why">;

interface Circumstances {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly readShell: ReadShell;
}

const noRule = "no rule";

/** What is trusted where nothing was said: to look at what lies in the workspace. */
export function defaultRules(): TrustRule[] {
  return [{ tool: "read", pattern: "**", action: "allow", origin: "default" }];
}

// Who may read may search.
const covers = (rule: TrustRule, tool: ToolName): boolean =>
  rule.tool === tool || (rule.tool === "read" && (tool === "glob" || tool === "grep"));

const rulesFor = ({ rules }: TrustState, tool: ToolName): TrustRule[] => rules.filter((rule) => covers(rule, tool));

const found = (rule: TrustRule, why: string): Finding => ({ verdict: rule.action, rule: formatRule(rule), why });

/** The last rule that names it, but a denial wherever it stands. */
function lastWord(rules: readonly TrustRule[], names: (rule: TrustRule) => boolean, what: string): Finding {
  const denial = rules.find((rule) => rule.action === "deny" && names(rule));
  if (denial !== undefined) return found(denial, `${what} is denied`);
  const rule = rules.findLast((each) => each.action !== "deny" && names(each));
  if (rule === undefined) return { verdict: "ask", rule: noRule, why: `${what} is not trusted` };
  return found(rule, rule.action === "allow" ? `${what} is trusted` : `${what} is to be asked about`);
}

const severity: Readonly<Record<TrustVerdict, number>> = { allow: 0, ask: 1, deny: 2 };

function strictest(findings: readonly Finding[]): Finding | undefined {
  return findings.toSorted((a, b) => severity[b.verdict] - severity[a.verdict])[0];
}

function judgePath(state: TrustState, tool: "read" | "write" | "glob" | "grep", path: string): Finding {
  const rules = rulesFor(state, tool);
  const finding = lastWord(
    rules,
    ({ pattern }) => pattern === null || matchesPath(pattern, path, state.workspace),
    `${tool} of ${path}`,
  );
  if (finding.verdict !== "allow" || tool === "write") return finding;
  // A search of a folder shows what lies in it.
  const inside = rules.find(
    ({ action, pattern }) => action === "deny" && pattern !== null && mayReachInto(pattern, path, state.workspace),
  );
  if (inside === undefined || tool === "read") return finding;
  return { verdict: "ask", rule: formatRule(inside), why: `a part of ${path} may be denied` };
}

const harmless = new Set(["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"]);

type Links = ReadonlyMap<string, string>;

const noLinks: Links = new Map();

/** What a redirection names; null where that is made up when it runs. */
function targetOf({ path }: ShellRedirect, folder: string | null): string | null {
  return path === null || (folder === null && !path.startsWith("/")) ? null : posix.resolve(folder ?? "/", path);
}

function judgeRedirect(state: TrustState, redirect: ShellRedirect, folder: string | null, links: Links): Finding {
  const target = targetOf(redirect, folder);
  if (target === null)
    return { verdict: "ask", rule: noRule, why: "where a redirection leads is made up when it runs" };
  // A link could lead to what is denied, or from what is trusted to what is not.
  const both = [...new Set([target, links.get(target) ?? target])];
  const findings = both.map((path) =>
    harmless.has(path)
      ? { verdict: "allow" as const, rule: path, why: "nothing is kept there" }
      : judgePath(state, redirect.kind, path),
  );
  return strictest(findings) ?? { verdict: "ask", rule: noRule, why: "a redirection leads nowhere" };
}

// Also as `builtin cd` and `command cd`.
const changesFolder = (words: readonly ShellWord[]): boolean =>
  words.slice(0, 3).some((word) => /^(cd|pushd|popd)$/.test(word ?? ""));

type ShellSubject = TrustSubject & { readonly tool: "shell" };
type KnownReading = Exclude<ShellReading, { readonly kind: "too-long" }>;

const isHidden = (reading: KnownReading): boolean => reading.kind === "unclear" || reading.commands.some(hidesCommands);

// The text says nothing of the variables of a call, nor of what an earlier command left in a kept shell.
const isWhole = ({ variables, isKept }: ShellSubject): boolean => variables.length === 0 && !isKept;

/** What a rule for exactly this call says; null where a text cannot say it. */
const exactPattern = (subject: ShellSubject): string | null => (isWhole(subject) ? `=${subject.command}` : null);

const textOf = (words: readonly ShellWord[]): string => words.map((word) => word ?? "…").join(" ");

const matchersOf = { allow: matchesTrusted, ask: matchesDenied, deny: matchesDenied } as const;

const hasUnknownTarget = ({ commands, redirects }: KnownReading): boolean =>
  redirects.some(({ path }) => path === null || (!path.startsWith("/") && commands.some(changesFolder)));

const whereIn = (folder: string, { commands }: KnownReading): string | null =>
  commands.some(changesFolder) ? null : folder;

function judgeRedirects(
  state: TrustState,
  { folder, links = noLinks }: ShellSubject,
  reading: KnownReading,
): Finding[] {
  const where = whereIn(folder, reading);
  return reading.redirects.map((redirect) => judgeRedirect(state, redirect, where, links));
}

function judgeParts(state: TrustState, subject: ShellSubject, reading: KnownReading): Finding[] {
  const rules = rulesFor(state, "shell");
  return [
    ...reading.commands.map((words) =>
      lastWord(
        rules,
        (rule) => {
          if (rule.pattern === null) return true;
          if (rule.pattern.startsWith("=")) return false;
          return matchersOf[rule.action](rule.pattern, words);
        },
        `"${textOf(words)}"`,
      ),
    ),
    ...judgeRedirects(state, subject, reading),
  ];
}

// Of what cannot be read only its exact text, or the whole tool, can have been trusted; a denial of some commands makes it a question.
function judgeUnclear(state: TrustState, subject: ShellSubject, reading: KnownReading): Finding {
  const rules = rulesFor(state, "shell");
  const denial = rules.find(
    ({ action, pattern }) =>
      action === "deny" && pattern !== null && reading.commands.some((words) => matchesDenied(pattern, words)),
  );
  if (denial !== undefined) return found(denial, "a command in it is denied");
  const redirect = judgeRedirects(state, subject, reading).find(({ verdict }) => verdict === "deny");
  if (redirect !== undefined) return redirect;
  const exact = exactPattern(subject);
  const finding = lastWord(rules, ({ pattern }) => pattern === null || pattern === exact, "the command");
  const why = reading.kind === "unclear" ? reading.why : "it runs a command that cannot be read here";
  if (finding.verdict === "allow" && rules.some(({ action }) => action === "deny")) {
    return { verdict: "ask", rule: noRule, why: `some commands are denied, and ${why}` };
  }
  const isAsked = rules.slice(rules.findLastIndex(({ action, pattern }) => action === "allow" && pattern === null) + 1);
  if (finding.verdict === "allow" && isAsked.some(({ action, pattern }) => action === "ask" && pattern !== null)) {
    return { verdict: "ask", rule: noRule, why: `some commands are to be asked about, and ${why}` };
  }
  return finding.verdict === "ask" ? { ...finding, why: `${finding.why}: ${why}` } : finding;
}

function judgeShell(state: TrustState, subject: ShellSubject, reading: ShellReading): Finding {
  if (reading.kind === "too-long") {
    return { verdict: "deny", rule: "too long", why: `${reading.why}; make it several calls, or a script` };
  }
  if (isHidden(reading)) return judgeUnclear(state, subject, reading);
  const finding = strictest(judgeParts(state, subject, reading));
  if (finding === undefined) return { verdict: "ask", rule: noRule, why: "it has no command in it" };
  // Its very text is trusted with all that it does, but for what is denied.
  const exact = exactPattern(subject);
  const rule = rulesFor(state, "shell").findLast(({ action, pattern }) => action === "allow" && pattern === exact);
  return finding.verdict === "ask" && rule !== undefined ? found(rule, "this very command is trusted") : finding;
}

const awsName = (text: string): string => text.toLowerCase().replaceAll("-", "");

function judgeAws(state: TrustState, service: string, operation: string): Finding {
  const name = `${awsName(service)}:${awsName(operation)}`;
  const names = ({ pattern }: TrustRule): boolean => {
    if (pattern === null) return true;
    return matchesCommand(awsName(pattern.includes(":") ? pattern : `${pattern}:*`), [name]);
  };
  return lastWord(rulesFor(state, "aws"), names, `${service}:${operation}`);
}

const clockSlackMs = 60_000;

/** Whether trust-all holds at this moment. */
export function isTrustingAll({ trustAll }: TrustState, now: number): boolean {
  if (trustAll === null || trustAll.callsLeft === 0) return false;
  // A clock that was put back would make it longer.
  return now < trustAll.until && now >= trustAll.since - clockSlackMs;
}

// Under trust-all nothing is asked about but what may be denied and cannot be told.
function underTrustAll(state: TrustState, finding: Finding, mayBeDenied: boolean): Finding {
  if (finding.verdict === "deny" || mayBeDenied) return finding;
  const until = new Date(state.trustAll?.until ?? 0).toISOString();
  return { verdict: "allow", rule: `trust-all until ${until}`, why: "everything is trusted" };
}

function judge(state: TrustState, subject: TrustSubject, reading: ShellReading | null): Finding {
  if (subject.tool === "aws") return judgeAws(state, subject.service, subject.operation);
  if (subject.tool === "shell") {
    return reading === null
      ? { verdict: "deny", rule: "no grammar", why: "the command was not read" }
      : judgeShell(state, subject, reading);
  }
  const findings = subject.paths.map((path) => judgePath(state, subject.tool, path));
  return strictest(findings) ?? { verdict: "ask", rule: noRule, why: "it names no path" };
}

function mayBeDenied(state: TrustState, subject: TrustSubject, reading: ShellReading | null): boolean {
  const hasDenials = rulesFor(state, subject.tool).some(({ action }) => action === "deny");
  if (subject.tool === "glob" || subject.tool === "grep") {
    return subject.paths.some((path) => /may be denied/.test(judgePath(state, subject.tool, path).why));
  }
  if (subject.tool !== "shell" || reading === null || reading.kind === "too-long") return false;
  const fileDenials = rulesFor(state, "write")
    .concat(rulesFor(state, "read"))
    .some(({ action }) => action === "deny");
  return (hasDenials && isHidden(reading)) || (fileDenials && hasUnknownTarget(reading));
}

function tiersFor(state: TrustState, subject: TrustSubject, reading: ShellReading | null): TrustTier[] {
  if (subject.tool === "aws") return awsTiers(subject.service, subject.operation);
  if (subject.tool !== "shell") return pathTiers(subject.tool, subject.paths, state.workspace);
  const parts = reading?.kind === "read" ? reading : null;
  const redirected = parts?.redirects.some(
    (each) => judgeRedirect(state, each, subject.folder, subject.links ?? noLinks).verdict !== "allow",
  );
  return shellTiers(exactPattern(subject), redirected === true ? null : parts);
}

// Variables decide what programs do, and which are found: PATH, GIT_SSH_COMMAND, LD_PRELOAD, …
// And in a kept shell any name may be a function by now, and any folder the current one.
function readCall(subject: ShellSubject, readShell: ReadShell): ShellReading {
  const reading = readShell(subject.command);
  if (isWhole(subject) || reading.kind !== "read") return reading;
  const { variables, isKept } = subject;
  const why = isKept
    ? "its shell is a kept one, which earlier commands may have changed"
    : `it sets ${variables.join(", ")}`;
  return { ...reading, kind: "unclear", why };
}

/** Whether a call may run. A `deny` always wins, also under trust-all; what cannot be told is asked about. */
export function decideTrust(
  state: TrustState,
  subject: TrustSubject,
  { now, readShell }: Circumstances,
): TrustDecision {
  const reading = subject.tool === "shell" ? readCall(subject, readShell) : null;
  const finding = judge(state, subject, reading);
  const decided = isTrustingAll(state, now)
    ? underTrustAll(state, finding, mayBeDenied(state, subject, reading))
    : finding;
  return {
    ...decided,
    tiers: decided.verdict === "ask" ? tiersFor(state, subject, reading) : [],
    targets: reading === null || subject.tool !== "shell" ? [] : targetsOf(subject, reading),
    isCounted: decided.verdict === "allow" && isTrustingAll(state, now) && state.trustAll?.callsLeft != null,
  };
}

function targetsOf({ folder }: ShellSubject, reading: ShellReading): string[] {
  if (reading.kind === "too-long") return [];
  const where = whereIn(folder, reading);
  const targets = reading.redirects.map((redirect) => targetOf(redirect, where));
  return [...new Set(targets.filter((target) => target !== null && !harmless.has(target)))] as string[];
}
