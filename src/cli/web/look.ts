import { AirlockError } from "../../base/errors.js";
import { belongsToGit } from "../../git/sort-paths.js";
import type { Change } from "../../model/change.js";
import { openReview, type Review } from "../../session/apply/review.js";
import { openContents, type SessionContents } from "../../session/changes.js";
import type { Workbench } from "../../session/workbench.js";
import { infosOf, type Ledger } from "../reviewer/infos.js";
import { loadDoc } from "../reviewer/load-doc.js";
import { type StagedSelection, selectStaged } from "../reviewer/staging.js";
import type { Info, Staged } from "../reviewer/state.js";
import { imageKind, largestImage } from "./image-kind.js";
import type { DocMessage, LookMessage } from "./messages.js";
import { docId, pageDoc } from "./page-doc.js";
import type { PlanRequest } from "./requests.js";

const stale = (what: string): AirlockError =>
  new AirlockError("E_APPLY_CONFLICT", `${what} since you looked`, { hint: "look at it again" });

/** One state of a session, as a page looks at it: its changes are spoken of by their place. */
export class Look {
  readonly number: number;
  readonly review: Review;
  readonly changes: readonly Change[];
  readonly #infos: readonly Info[];
  readonly #bench: Workbench;
  #source: Promise<SessionContents> | null = null;

  private constructor(bench: Workbench, number: number, review: Review, infos: readonly Info[]) {
    this.#bench = bench;
    this.number = number;
    this.review = review;
    this.changes = shownOf(review);
    this.#infos = infos;
  }

  static async open(bench: Workbench, id: string, number: number, ledger: Ledger): Promise<Look> {
    const review = await openReview(bench, id);
    return new Look(bench, number, review, await infosOf(bench, review, shownOf(review), ledger));
  }

  message(): LookMessage {
    const { record, changes } = this.review;
    return {
      look: this.number,
      session: record.id,
      changes: this.changes,
      totals: changes.totals,
      infos: this.#infos,
    };
  }

  at(index: number): Change {
    const change = this.changes[index];
    if (change === undefined) throw new AirlockError("E_USAGE", `there is no change ${index}`);
    return change;
  }

  async doc(index: number): Promise<DocMessage> {
    const change = this.at(index);
    const { doc } = await loadDoc(change, await this.#contents());
    return pageDoc(change, doc);
  }

  /** A picture; null: it is none, or too large. */
  async image(index: number, side: "before" | "after"): Promise<{ type: string; bytes: Uint8Array } | null> {
    const { path, ...sides } = this.at(index);
    const state = sides[side];
    if (state?.type !== "file" || state.size > largestImage) return null;
    const source = await this.#contents();
    const bytes = await source[side === "before" ? "readBefore" : "readAfter"](path, largestImage);
    const type = bytes === null ? null : imageKind(bytes);
    return bytes === null || type === null ? null : { type, bytes };
  }

  async select(staged: PlanRequest["staged"]): Promise<StagedSelection> {
    const map = new Map<string, Staged>();
    for (const { at, doc } of staged) {
      const change = this.at(at);
      map.set(change.path, doc === undefined ? "all" : await this.#part(change, doc));
    }
    return selectStaged(this.changes, map);
  }

  async #part(change: Change, wanted: { readonly id: string; readonly lines: readonly number[] }): Promise<Staged> {
    const { doc } = await loadDoc(change, await this.#contents());
    if (docId(doc) !== wanted.id) throw stale("a file of which a part is staged changed");
    if (!doc.isDivisible) throw new AirlockError("E_USAGE", "of this change no part can be taken");
    return { doc, lines: new Set(wanted.lines) };
  }

  #contents(): Promise<SessionContents> {
    this.#source ??= openContents(this.#bench, this.review.record, this.changes);
    return this.#source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#source)?.[Symbol.asyncDispose]();
  }
}

/** git's own files are never applied: nobody is asked about each of them. */
const shownOf = ({ changes }: Review): readonly Change[] => changes.changes.filter((change) => !belongsToGit(change));
