import { join } from "node:path";
import { listApplies, loadApply } from "../../apply/applies.js";
import { planUndo } from "../../apply/undo.js";
import { AirlockError } from "../../base/errors.js";
import type { ApplySummary } from "../../model/apply.js";
import type { SessionRecord } from "../../model/session.js";
import { listSessions, loadSession, lockSession } from "../store.js";
import type { Workbench } from "../workbench.js";
import type { ApplyResult } from "./apply.js";
import { applyFolder } from "./apply-folder.js";
import { applyName, writeProject } from "./write-project.js";

/** An apply with the name that commands take. */
export interface NamedApply extends ApplySummary {
  readonly applyId: string;
  /** Taken back by a later undo that was not itself undone. */
  readonly undone: boolean;
}

function withNames(session: string, applies: readonly ApplySummary[]): NamedApply[] {
  const undone = new Set<string>();
  // From the newest: an undo that was itself undone takes nothing back.
  for (const { id, kind, undoes, phase } of applies.toReversed()) {
    if (kind === "undo" && undoes !== null && phase === "committed" && !undone.has(id)) undone.add(undoes);
  }
  return applies.map((each) => ({ ...each, applyId: applyName(session, each.id), undone: undone.has(each.id) }));
}

/** The applies of a session, oldest first. */
export async function appliesOf(bench: Workbench, session: string): Promise<NamedApply[]> {
  return withNames(session, await listApplies(applyFolder(bench.home, session)));
}

const stands = ({ kind, phase, undone }: NamedApply): boolean => kind === "apply" && phase === "committed" && !undone;

/** The newest apply of a session that still stands. */
export async function lastApplyOf(bench: Workbench, session: string): Promise<NamedApply | null> {
  return (await appliesOf(bench, session)).findLast(stands) ?? null;
}

/** The applies to a project, of whichever session, also discarded ones, oldest first. */
export async function appliesTo(bench: Workbench, project: string): Promise<NamedApply[]> {
  const records = await listSessions(bench.home, () => undefined);
  const all = await Promise.all(
    records.filter((record) => record.project.path === project).map(({ id }) => appliesOf(bench, id)),
  );
  return all.flat().sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/** The apply that `undo` means: `SESSION/a1`, or the newest of the project that still stands. */
export async function findApply(bench: Workbench, project: string, name: string | undefined): Promise<NamedApply> {
  const [session, id] = name?.split("/") ?? [];
  const candidates = session === undefined ? await appliesTo(bench, project) : await appliesOf(bench, session);
  const found = id === undefined ? candidates.findLast(stands) : candidates.find((each) => each.id === id);
  if (found === undefined) {
    const what = name === undefined ? `nothing applied to ${project} is left to undo` : `there is no apply "${name}"`;
    throw new AirlockError("E_APPLY_NOT_FOUND", what, { hint: "airlock applies lists them" });
  }
  return found;
}

function requireStanding({ applyId, phase, undone }: NamedApply): void {
  if (phase !== "committed") {
    throw new AirlockError("E_APPLY_NOT_FOUND", `${applyId} was never finished, so there is nothing to take back`);
  }
  if (undone) throw new AirlockError("E_APPLY_NOT_FOUND", `${applyId} was undone already`, { hint: "airlock applies" });
}

/** Takes an apply (or an undo) back, exactly; refuses where the host moved on since. Works after a discard, until `prune`. */
export async function undoApply(
  bench: Workbench,
  wanted: NamedApply,
  { sync }: { readonly sync: boolean },
): Promise<ApplyResult> {
  await using _lock = await lockSession(bench.home, wanted.session, bench.signal);
  const record = await requireRecord(bench, wanted.session);
  const now = (await appliesOf(bench, wanted.session)).find(({ id }) => id === wanted.id) ?? wanted;
  requireStanding(now);
  const loaded = await loadApply(join(applyFolder(bench.home, wanted.session), wanted.id));
  const { operations, source } = await planUndo(loaded);
  const summary = await writeProject(bench, record, { kind: "undo", undoes: wanted.id, operations, source, sync });
  return {
    applyId: applyName(wanted.session, summary.id),
    applied: operations.map(({ path }) => path),
    skipped: [],
    conflicts: [],
  };
}

async function requireRecord(bench: Workbench, session: string): Promise<SessionRecord> {
  const record = await loadSession(bench.home, session);
  if (record !== null) return record;
  throw new AirlockError("E_SESSION_NOT_FOUND", `no session "${session}"`, { hint: "airlock ls --all" });
}
