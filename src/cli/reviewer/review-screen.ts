import { isAirlockError } from "../../base/errors.js";
import { escapeBody, escapeText } from "../../base/escape.js";
import { belongsToGit } from "../../git/sort-paths.js";
import type { ChangeTotals } from "../../model/change.js";
import { recordLeft } from "../../session/apply/feedback.js";
import { openReview, type Review } from "../../session/apply/review.js";
import { lastApplyOf, undoApply } from "../../session/apply/undo.js";
import { openContents } from "../../session/changes.js";
import { discardSession } from "../../session/discard.js";
import type { Workbench } from "../../session/workbench.js";
import type { ReviewEnding } from "../commands/review.js";
import type { CommandContext } from "../context.js";
import { applySelection, reportOutcome } from "../dialogue/apply-selection.js";
import { askText, confirm } from "../dialogue/prompt.js";
import { wantsColour } from "../render/colour.js";
import { formatReceipt } from "../render/receipt.js";
import { countOf } from "../render/size.js";
import { EventQueue } from "../screen/event-queue.js";
import { FullScreen, type ScreenEvent } from "../screen/full-screen.js";
import type { DiffDoc } from "./diff-doc.js";
import { drawReviewer } from "./draw.js";
import { infosOf, type Ledger } from "./infos.js";
import { DocLoader } from "./load-doc.js";
import { firstState, relist } from "./moves.js";
import { selectStaged } from "./staging.js";
import { currentChange, type Effect, type ReviewerState, wantedDoc } from "./state.js";
import type { SyntaxColours } from "./syntax.js";
import { pressKey, takeColours, takeDoc, takeSize } from "./update.js";

type Event =
  | ScreenEvent
  | { readonly kind: "doc"; readonly doc: DiffDoc }
  | { readonly kind: "colours"; readonly colours: SyntaxColours };

/** What one look at the session ended with: another look at what is true by then, or the end of the review. */
type Outcome =
  | { readonly kind: "again"; readonly message: string }
  | { readonly kind: "ended"; readonly kept: boolean };

/** What a person has set up stays when the session is looked at again; what was staged does not: it may be another now. */
function nextState(old: ReviewerState | null, fresh: ReviewerState, message: string): ReviewerState {
  if (old === null) return { ...fresh, message };
  const { layout, filter, closed, notes, at, query, rows } = old;
  return { ...relist({ ...fresh, layout, filter, closed, notes, at, query, rows }), message };
}

/** A full-screen review: looks, chooses, applies, takes back, until the session is kept or discarded. */
export async function reviewOnScreen(
  context: CommandContext,
  bench: Workbench,
  id: string,
  ledger: Ledger,
): Promise<ReviewEnding> {
  let first: ChangeTotals | null = null;
  let state: ReviewerState | null = null;
  let message = "";
  for (;;) {
    const review = await openReview(bench, id);
    first ??= review.changes.totals;
    const changes = review.changes.changes.filter((change) => !belongsToGit(change));
    const infos = await infosOf(bench, review, changes, ledger);
    const look = new Look(
      context,
      bench,
      review,
      nextState(state, firstState({ session: review.record.id, changes, infos }), message),
    );
    const outcome = await look.run();
    state = look.state;
    if (outcome.kind === "ended") return { kept: outcome.kept, totals: first };
    message = outcome.message;
  }
}

class Look {
  state: ReviewerState;
  readonly #context: CommandContext;
  readonly #bench: Workbench;
  readonly #review: Review;
  readonly #queue: EventQueue<Event>;

  constructor(context: CommandContext, bench: Workbench, review: Review, state: ReviewerState) {
    this.#context = context;
    this.#bench = bench;
    this.#review = review;
    this.#queue = new EventQueue(context.edge.signal);
    this.state = state;
  }

  async run(): Promise<Outcome> {
    const { edge } = this.#context;
    await using source = await openContents(this.#bench, this.#review.record, this.state.changes);
    const loader = new DocLoader(source, (loaded) =>
      this.#queue.push("doc" in loaded ? { kind: "doc", ...loaded } : { kind: "colours", ...loaded }),
    );
    try {
      using screen = new FullScreen(edge, wantsColour(edge.env, true), this.#queue.push);
      this.state = takeSize(this.state, screen.size);
      for (;;) {
        screen.draw(drawReviewer(this.state));
        const wanted = wantedDoc(this.state);
        loader.want(wanted === null || wanted === this.state.doc?.path ? null : currentChange(this.state));
        const outcome = await this.#takeEvents(screen);
        if (outcome !== null) return outcome;
      }
    } finally {
      await loader.finish();
    }
  }

  async #takeEvents(screen: FullScreen): Promise<Outcome | null> {
    for (const event of await this.#queue.next()) {
      if (event.kind === "end") return { kind: "ended", kept: true };
      if (event.kind === "resize") this.state = takeSize(this.state, screen.size);
      else if (event.kind === "doc") this.state = takeDoc(this.state, event.doc);
      else if (event.kind === "colours") this.state = takeColours(this.state, event.colours);
      else {
        const { state, effect } = pressKey(this.state, event.key);
        this.state = state;
        const outcome = effect === null ? null : await this.#perform(effect, screen);
        if (outcome !== null) return outcome;
      }
    }
    return null;
  }

  async #perform(effect: Effect, screen: FullScreen): Promise<Outcome | null> {
    const { id } = this.#review.record;
    if (effect.kind === "keep") return { kind: "ended", kept: true };
    if (effect.kind === "stop") await screen.stop();
    else if (effect.kind === "note") {
      await recordLeft(this.#bench, id, [{ path: effect.path, reason: effect.text }]);
    } else if (effect.kind === "discard") {
      const isMeant = await screen.suspend(() =>
        confirm(this.#context.edge, `discard session ${id}, with all it made?`),
      );
      return isMeant ? await this.#discard(screen) : null;
    } else return await screen.suspend(() => this.#guarded(effect.kind === "apply" ? this.#apply : this.#undo));
    return null;
  }

  async #discard(screen: FullScreen): Promise<Outcome> {
    screen[Symbol.dispose]();
    const receipt = await discardSession(this.#bench, this.#review.record.id);
    this.#context.edge.stderr.write(`${formatReceipt(receipt)}\n`);
    return { kind: "ended", kept: false };
  }

  /** Where an apply or undo cannot be, the project is as it was: the review goes on with what is true now. */
  async #guarded(work: () => Promise<string | null>): Promise<Outcome | null> {
    try {
      const message = await work();
      return message === null ? null : { kind: "again", message };
    } catch (error) {
      if (!isAirlockError(error) || !error.code.startsWith("E_APPLY")) throw error;
      const hint = error.hint === undefined ? "" : `\nhint: ${escapeBody(error.hint)}`;
      this.#context.warn(`${escapeBody(error.message)}${hint}`);
      await this.#backToReview();
      return { kind: "again", message: escapeText(error.message) };
    }
  }

  async #backToReview(): Promise<void> {
    await askText(this.#context.edge, "Enter: back to the review ", this.#context.edge.signal);
  }

  readonly #apply = async (): Promise<string | null> => {
    const context = this.#context;
    const selection = selectStaged(this.state.changes, this.state.staged);
    const wish = { policy: undefined, yes: false, allowRisk: false, dryRun: false, sync: true } as const;
    const outcome = await applySelection(context, this.#bench, this.#review, selection, wish);
    if (outcome.applyId === null) return null;
    reportOutcome(context, outcome);
    await this.#backToReview();
    return `applied ${countOf(outcome.applied.length, "path")}; u takes it back`;
  };

  readonly #undo = async (): Promise<string | null> => {
    const last = await lastApplyOf(this.#bench, this.#review.record.id);
    if (last === null) {
      this.state = { ...this.state, message: "nothing of this session is applied" };
      return null;
    }
    const question = `take back ${last.applyId} of ${last.createdAt} (${countOf(last.paths, "path")})?`;
    if (!(await confirm(this.#context.edge, question))) return null;
    await undoApply(this.#bench, last, { sync: true });
    return `took back ${last.applyId}`;
  };
}
