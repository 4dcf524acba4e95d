import type { ChangeKind, EntryState, Risk } from "../model/change.js";
import { canonicalNames, isInsideGit } from "./canonical.js";
import type { YamlParser } from "./changed-settings.js";
import { contentReasons, type SeenContents } from "./content-reasons.js";
import { nameReasons } from "./name-reasons.js";
import { hostReasons } from "./runs-on-host.js";
import { symlinkReasons } from "./symlink-target.js";

/** What is known of a change when its risk is judged. */
export interface RiskInput {
  readonly path: string;
  readonly kind: ChangeKind;
  readonly before: EntryState | null;
  readonly after: EntryState | null;
  readonly masked?: boolean;
  readonly binary?: boolean;
  /** What was read of both files; absent where there is none or it cannot be read. */
  readonly contents?: SeenContents | undefined;
  readonly parseYaml?: YamlParser | undefined;
  /** Found elsewhere: of high risk, and worth saying. */
  readonly warnings?: readonly string[];
  readonly remarks?: readonly string[];
}

/** Reasons by the level that they stand for. */
export interface Reasons {
  readonly high: string[];
  readonly low: string[];
}

/** Judges one change by itself: what the host would run or obey because of it, and what a reader could miss. Pure. */
export function assessRisk(input: RiskInput): Risk {
  const reasons: Reasons = { high: [...(input.warnings ?? [])], low: [...(input.remarks ?? [])] };
  if (input.masked === true) reasons.high.push("is hidden from the sandbox and was made anew inside");
  addPathReasons(input, reasons);
  addTypeReasons(input, reasons);
  addModeReasons(input, reasons);
  contentReasons(input, reasons);
  const level = reasons.high.length > 0 ? "high" : reasons.low.length > 0 ? "low" : "none";
  return { level, reasons: [...new Set([...reasons.high, ...reasons.low])] };
}

function addPathReasons(input: RiskInput, { high, low }: Reasons): void {
  const { path, kind } = input;
  const names = canonicalNames(path);
  const found = hostReasons(names, input);
  // To take away a file that runs on the host runs nothing; git's own data is history and must not go unseen.
  (kind === "deleted" && !isInsideGit(names) ? low : high).push(...found.high);
  low.push(...found.low);
  const written = path.split("/");
  if (isInsideGit(names) && !isInsideGit(written)) high.push("is `.git` under another name");
  const name = nameReasons(path);
  if (kind === "deleted") low.push(...name.high);
  else high.push(...name.high);
  low.push(...name.low);
}

function addTypeReasons({ path, kind, before, after }: RiskInput, { high, low }: Reasons): void {
  if (after?.type === "special") high.push("is a pipe, a socket or a device: refused");
  if (kind === "type" && before !== null && after !== null)
    high.push(`was a ${wordFor(before)} and is a ${wordFor(after)}`);
  if (after?.type !== "symlink") return;
  const leads = symlinkReasons(path, after.target ?? "");
  high.push(...leads);
  if (leads.length === 0) low.push("is a link");
}

function wordFor({ type }: EntryState): string {
  return { file: "file", dir: "folder", symlink: "link", special: "special file" }[type];
}

function addModeReasons({ before, after }: RiskInput, { high, low }: Reasons): void {
  if (after === null || after.type === "symlink" || after.type === "special") return;
  const old = before !== null && before.type === after.type ? before.mode : 0;
  const gained = after.mode & ~old;
  if ((gained & 0o6000) !== 0) high.push("gains a set-user-id or set-group-id bit");
  if ((gained & 0o002) !== 0) low.push("becomes writable for every user of the host");
  if (after.type === "file" && (after.mode & 0o111) !== 0 && (old & 0o111) === 0) {
    high.push("becomes executable");
  }
}
