import { AirlockError } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { countChanges, orderForPeople } from "../../changes/collect.js";
import type { ApplyPlan, ConflictPolicy, Skipped } from "../../model/apply.js";
import type { Change } from "../../model/change.js";
import { applyPlan, makeApplyPlan, type PlanWish } from "../../session/apply/apply.js";
import type { Review } from "../../session/apply/review.js";
import { openContents } from "../../session/changes.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { formatPlan } from "../render/plan.js";
import { showDiff } from "../render/show-diff.js";
import { countOf } from "../render/size.js";
import { chooseHunks } from "./choose-hunks.js";
import { askForRisk, canAsk, promptPalette, type ShowChange } from "./consent.js";
import { choose, confirm } from "./prompt.js";

/** What to do where the host changed too, as users write it. */
export const conflictPolicies: readonly ConflictPolicy[] = ["fail", "keep-host", "take-sandbox", "both", "merge"];

/** What is to be applied of a review, before anything is asked. */
export interface Selection {
  readonly chosen: readonly Change[];
  /** Contents of files of which only some hunks were chosen. */
  readonly overrides: ReadonlyMap<string, Uint8Array>;
  /** Paths that a person said no to: nothing else that is chosen may take them in. */
  readonly refused?: ReadonlySet<string>;
  /** Paths of high risk that were asked for by themselves already. */
  readonly asked?: ReadonlySet<string>;
}

/** What of a plan may need to be asked for by itself: also what a chosen path takes in, a file that becomes a folder, say. */
export function toBeAsked(review: Review, selection: Selection, plan: ApplyPlan): readonly Change[] {
  const planned = new Set(plan.operations.map(({ path }) => path));
  return review.changes.changes.filter(({ path }) => planned.has(path) && selection.asked?.has(path) !== true);
}

/** What is left of a selection when a person said no to some of it. */
export function withoutRejected(selection: Selection, rejected: readonly Skipped[]): Selection {
  const refused = new Set([...(selection.refused ?? []), ...rejected.map(({ path }) => path)]);
  return { ...selection, chosen: selection.chosen.filter(({ path }) => !refused.has(path)), refused };
}

/** Has a person choose hunks of some changes. */
export async function selectHunks(
  context: CommandContext,
  bench: Workbench,
  review: Review,
  changes: readonly Change[],
): Promise<Selection> {
  const { env, signal } = context.edge;
  await using source = await openContents(bench, review.record, changes);
  return await chooseHunks(context.edge, {
    changes: orderForPeople(changes),
    source,
    palette: promptPalette(context),
    editor: env["VISUAL"] ?? env["EDITOR"],
    signal,
  });
}

/** How far the questions go, and what is done about conflicts. */
export interface ApplyWish {
  readonly policy: ConflictPolicy | undefined;
  readonly yes: boolean;
  readonly allowRisk: boolean;
  readonly dryRun: boolean;
  readonly sync: boolean;
}

/** How it ended; `applyId` is null when nothing was written. */
export interface ApplyOutcome {
  readonly applyId: string | null;
  readonly applied: readonly string[];
  readonly skipped: readonly Skipped[];
  readonly conflicts: readonly Skipped[];
}

/** Shows a single change of a review. */
export function showOne(context: CommandContext, bench: Workbench, review: Review): ShowChange {
  return async (change) => {
    const changes = [change];
    const only = { ...review.changes, changes, totals: countChanges(changes), warnings: [] };
    await showDiff(context, bench, review.record, only);
  };
}

const notWritten = (plan: ApplyPlan, rejected: readonly Skipped[]): ApplyOutcome => ({
  applyId: null,
  applied: [],
  skipped: [...plan.skipped, ...rejected],
  conflicts: plan.conflicts,
});

/** What may be done about a conflict, in a sentence each. */
export const policyHelp = {
  merge: "put both changes together where they do not touch",
  "keep-host": "leave the host's version, the session's stays in the session",
  "take-sandbox": "replace the host's version (airlock undo brings it back)",
  both: "write the session's version beside the host's",
} as const;

export type Asked = keyof typeof policyHelp;

/** What is offered at first, and for what a merge leaves. */
export const offeredPolicies: readonly Asked[] = ["merge", "keep-host", "take-sandbox", "both"];
export const offeredUnmerged: readonly Asked[] = offeredPolicies.slice(1);

/** What to do about conflicts, and about those that a merge leaves; null: stop. */
async function askPolicies(
  context: CommandContext,
  planWith: (policy: ConflictPolicy, unmerged?: ConflictPolicy) => Promise<ApplyPlan>,
  first: ApplyPlan,
): Promise<ApplyPlan | null> {
  const policy = await askPolicy(context, first.conflicts.length, offeredPolicies);
  if (policy === null) return null;
  const plan = await planWith(policy);
  if (policy !== "merge" || plan.conflicts.length === 0) return plan;
  context.note(`merged what could be: ${countOf(plan.conflicts.length, "conflict")} left`);
  const unmerged = await askPolicy(context, plan.conflicts.length, offeredUnmerged);
  return unmerged === null ? null : await planWith(policy, unmerged);
}

async function askPolicy(context: CommandContext, conflicts: number, offered: readonly Asked[]): Promise<Asked | null> {
  context.note(`${countOf(conflicts, "path")} changed on the host as well as in the session.`);
  for (const each of offered) context.note(`  ${each.padEnd(13)} ${policyHelp[each]}`);
  const answer = await choose(context.edge, "what now? [stop] ", ["stop", ...offered], context.edge.signal);
  return offered.find((each) => each === answer) ?? null;
}

function showPlan(context: CommandContext, review: Review, plan: ApplyPlan): void {
  if (context.options.json === true) return;
  const columns = context.edge.stderr.columns ?? 80;
  const palette = promptPalette(context);
  context.note(formatPlan({ plan, changes: review.changes.changes, palette, columns }));
}

/** Shows the plan, asks what must be asked, and applies. The way of `apply`, of `review` and of the end of a `run`. */
export async function applySelection(
  context: CommandContext,
  bench: Workbench,
  review: Review,
  selection: Selection,
  wish: ApplyWish,
): Promise<ApplyOutcome> {
  let settled: Pick<PlanWish, "policy" | "unmerged"> = { policy: wish.policy ?? "fail" };
  const planWith = async (policy: ConflictPolicy, unmerged?: ConflictPolicy): Promise<ApplyPlan> => {
    settled = { policy, ...(unmerged === undefined ? {} : { unmerged }) };
    return await makeApplyPlan(bench, review, { ...selection, ...settled });
  };
  let plan = await planWith(settled.policy);
  showPlan(context, review, plan);
  if (wish.dryRun) return notWritten(plan, []);
  if (plan.conflicts.length > 0 && wish.policy === undefined && canAsk(context)) {
    const decided = await askPolicies(context, planWith, plan);
    if (decided === null) return notWritten(plan, []);
    plan = decided;
    showPlan(context, review, plan);
  }
  if (plan.conflicts.length > 0) throw conflictError(plan.conflicts);
  const { rejected } = await askForRisk(
    context,
    toBeAsked(review, selection, plan),
    showOne(context, bench, review),
    wish.allowRisk,
  );
  if (rejected.length > 0) {
    plan = await makeApplyPlan(bench, review, { ...withoutRejected(selection, rejected), ...settled });
  }
  if (plan.operations.length === 0) return notWritten(plan, rejected);
  if (!wish.yes && !(await agreed(context, plan))) return notWritten(plan, rejected);
  const done = await applyPlan(bench, review, plan, { sync: wish.sync, rejected });
  return { ...done, skipped: [...done.skipped, ...rejected] };
}

async function agreed(context: CommandContext, plan: ApplyPlan): Promise<boolean> {
  if (!canAsk(context)) {
    throw new AirlockError("E_APPLY_REFUSED", "nobody is there to agree to this apply", {
      hint: "add --yes, or look at the plan with --dry-run",
    });
  }
  return await confirm(context.edge, `write ${countOf(plan.operations.length, "path")} to the project?`);
}

function conflictError(conflicts: readonly Skipped[]): AirlockError {
  const named = conflicts.slice(0, 5).map(({ path }) => displayPath(path));
  const more = conflicts.length > 5 ? ` and ${conflicts.length - 5} more` : "";
  return new AirlockError("E_APPLY_CONFLICT", `changed on the host too: ${named.join(", ")}${more}`, {
    hint: "choose with --on-conflict keep-host, take-sandbox, both or merge; nothing was applied",
  });
}

/** Tells how an apply ended, and how to take it back. */
export function reportOutcome(context: CommandContext, outcome: ApplyOutcome): void {
  if (context.options.json === true) context.printJson(outcome);
  else if (outcome.applyId === null) context.note("nothing was applied");
  else {
    const left = outcome.skipped.length === 0 ? "" : `, ${outcome.skipped.length} left in the session`;
    context.print(
      `applied ${countOf(outcome.applied.length, "path")}${left}; to take it back: airlock undo ${outcome.applyId}`,
    );
  }
}
