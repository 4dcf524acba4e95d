import { displayPath } from "../src/base/escape.js";
import { linesOf } from "../src/cli/reviewer/diff-rows.js";
import { type ListRow, pathsOf } from "../src/cli/reviewer/list-rows.js";
import { toggleLines, togglePaths } from "../src/cli/reviewer/toggles.js";
import type { DocMessage, DoneMessage, LookMessage, StateMessage } from "../src/cli/web/messages.js";
import type { Change } from "../src/model/change.js";
import { fetchJson } from "./api.js";
import { askNote, askWhether, isDialogOpen, talkApply } from "./dialogs.js";
import { DiffRows, hunkLines, showImages } from "./diff-view.js";
import { fill, make, part, setText } from "./dom.js";
import { offerRecordings } from "./recordings.js";
import { showSnapshots } from "./snapshots.js";
import { newStore, relist, type Store, stagedMessage, stagedState, takeLook } from "./store.js";
import { drawRow, rowOf } from "./tree.js";
import { VirtualRows } from "./virtual-rows.js";

/** What a person sees and does. Nothing is decided here: the server plans, asks and writes. */
export class ReviewPage {
  readonly store: Store;
  readonly tree: VirtualRows;
  readonly diff: VirtualRows;
  readonly treeBox = part("tree", HTMLDivElement);
  readonly diffBox = part("diff", HTMLDivElement);
  #diffRows: DiffRows | null = null;
  #shift = 0;
  #path: string | null = null;
  #isReading = false;
  #isTalking = false;

  constructor(look: LookMessage) {
    this.store = newStore(look);
    this.tree = new VirtualRows(this.treeBox, () => this.#moved());
    this.diff = new VirtualRows(this.diffBox, () => undefined);
    this.relist(true);
  }

  /** The change under the cursor. */
  get change(): Change | null {
    const row = this.store.rows[this.tree.at];
    return row?.kind === "change" ? row.change : null;
  }

  say(text: string): void {
    setText(part("status", HTMLElement), text);
  }

  readonly fail = (error: unknown): void => {
    this.say(error instanceof Error ? error.message : String(error));
  };

  /** Lists what there is now; the cursor stays on its change. */
  relist(isFirst = false): void {
    const { store } = this;
    const path = this.change?.path ?? null;
    relist(store);
    const firstChange = store.rows.findIndex(({ kind }) => kind === "change");
    const found = isFirst ? firstChange : rowOf(store.rows, path);
    this.tree.show({ count: store.rows.length, draw: (at) => drawRow(store, at) }, found === -1 ? this.tree.at : found);
    const { session, changes, totals, infos } = store.look;
    setText(part("title", HTMLElement), `Airlock review ${session}`);
    document.title = `Airlock review ${session}`;
    const counts = `${changes.length} changes, ${totals.highRisk} of high risk, ${totals.conflicts} conflicts`;
    setText(part("totals", HTMLElement), `${counts}, ${store.staged.size} staged`);
    setText(part("apply", HTMLButtonElement), `Apply ${store.staged.size} staged…`);
    fill(
      part("infos", HTMLUListElement),
      infos.map(({ text, warns }) => make("li", { class: warns ? "warns" : "" }, text)),
    );
    this.#moved();
  }

  #redraw(): void {
    this.relist();
    this.#showDoc();
  }

  #moved(): void {
    const path = this.change?.path ?? null;
    if (path !== this.#path || this.store.doc === null) {
      this.#path = path;
      this.#showHead();
      this.#read();
    }
  }

  #showHead(): void {
    const { change } = this;
    setText(part("path", HTMLElement), change === null ? "No file" : displayPath(change.path));
    const reasons = change === null ? [] : change.risk.reasons;
    const level = change?.risk.level === "high" ? "high" : "";
    const conflict = change?.conflict === true ? ["changed on the host too since the session began"] : [];
    fill(
      part("reasons", HTMLUListElement),
      [...reasons, ...conflict].map((text) => make("li", { class: level }, text)),
    );
    part("file-actions", HTMLElement).hidden = change === null;
    const staged = stagedState(this.store.staged, change === null ? [] : [change.path]);
    setText(part("stage", HTMLButtonElement), staged === "true" ? "Unstage file" : "Stage file");
  }

  /** Reads one diff at a time, always the one that is wanted last: who runs through 2,000 files reads none of them. */
  #read(): void {
    const { change, store } = this;
    if (store.doc?.path !== change?.path) {
      store.doc = null;
      this.#showDoc();
    }
    if (change === null || store.doc !== null || this.#isReading) return;
    this.#isReading = true;
    const { look } = store.look;
    const at = store.look.changes.indexOf(change);
    fetchJson<DocMessage>(`doc?look=${look}&at=${at}`)
      .then((doc) => {
        this.#isReading = false;
        if (this.change?.path === doc.path && store.look.look === look) this.#take(doc, at);
        else this.#read();
      })
      .catch((error: unknown) => {
        this.#isReading = false;
        this.fail(error);
      });
  }

  #take(doc: DocMessage, at: number): void {
    const { store } = this;
    // Lines are chosen by their numbers: those of the diff that they were chosen in.
    const staged = store.staged.get(doc.path);
    store.doc = staged === undefined || staged === "all" ? doc : staged.doc;
    this.diff.at = 0;
    this.diffBox.scrollTop = 0;
    this.#showDoc();
    const box = part("images", HTMLDivElement);
    box.dataset["of"] = doc.path;
    showImages(box, doc, store.look.look, at).catch(this.fail);
  }

  #showDoc(): void {
    const { doc } = this.store;
    this.#diffRows = doc === null ? null : new DiffRows(this.store, doc);
    const rows = this.#diffRows?.rows ?? [];
    this.diff.show({ count: rows.length, draw: (at) => this.#diffRows?.draw(at) ?? make("div") }, this.diff.at);
    this.diffBox.hidden = rows.length === 0;
    fill(
      part("doc-notes", HTMLUListElement),
      (doc?.notes ?? []).map((text) => make("li", {}, text)),
    );
    if (doc === null) fill(part("images", HTMLDivElement), []);
    this.diffBox.setAttribute("aria-label", doc === null ? "Diff" : `Diff of ${displayPath(doc.path)}`);
    this.#showHead();
  }

  stageRow(): void {
    const paths = pathsOf(this.store.rows[this.tree.at]);
    this.store.staged = togglePaths(this.store.staged, paths);
    this.#redraw();
  }

  stageShown(): void {
    const paths = this.store.rows.flatMap((row) => (row.kind === "section" ? row.paths : []));
    this.store.staged = togglePaths(this.store.staged, paths);
    this.#redraw();
  }

  stageHunk(): void {
    const { doc } = this.store;
    if (doc !== null) this.#toggle(doc, hunkLines(doc, this.#diffRows?.rows[this.diff.at]));
  }

  stageLine(): void {
    const { doc } = this.store;
    if (doc !== null) this.#toggle(doc, linesOf(this.#diffRows?.rows[this.diff.at]));
  }

  #toggle(doc: DocMessage, lines: readonly number[]): void {
    if (doc.isDivisible) {
      this.store.staged = toggleLines(this.store.staged, doc, lines);
      this.#redraw();
    } else this.say("of this change no part can be taken: space in the list stages all of it");
  }

  /** To the next or last hunk. */
  jumpHunk(step: 1 | -1): void {
    const rows = this.#diffRows?.rows ?? [];
    let at = this.diff.at + step;
    while (rows[at] !== undefined && rows[at]?.kind !== "heading") at += step;
    if (rows[at] !== undefined) this.diff.moveTo(at);
  }

  /** To the next or last change of high risk. */
  jumpRisk(step: 1 | -1): void {
    const { rows } = this.store;
    const isWanted = (row: ListRow): boolean => row.kind === "change" && row.change.risk.level === "high";
    let at = this.tree.at + step;
    for (let row = rows[at]; row !== undefined && !isWanted(row); row = rows[at]) at += step;
    if (rows[at] !== undefined) this.tree.moveTo(at);
  }

  /** Opens or closes the folder under the cursor; of anything else the diff is gone to. */
  open(wanted?: boolean): void {
    const row = this.store.rows[this.tree.at];
    if (row?.kind === "change" && wanted !== false) this.diffBox.focus();
    if (row?.kind !== "folder" || wanted === !row.isClosed) return;
    if (row.isClosed) this.store.closed.delete(row.path);
    else this.store.closed.add(row.path);
    this.relist();
  }

  switchLayout(): void {
    this.store.layout = this.store.layout === "split" ? "unified" : "split";
    part("layout", HTMLButtonElement).setAttribute("aria-pressed", `${this.store.layout === "split"}`);
    this.shift(-this.#shift);
    this.#showDoc();
  }

  shift(columns: number): void {
    this.#shift = Math.max(0, this.#shift + columns);
    this.diffBox.style.setProperty("--shift", `${this.#shift}`);
  }

  note(): void {
    const { change, store } = this;
    if (change === null) return;
    const { look } = store.look;
    const at = store.look.changes.indexOf(change);
    askNote(change.path, store.notes.get(change.path) ?? "", (text) => {
      fetchJson("note", { look, at, text }).then(() => {
        store.notes.set(change.path, text);
        this.relist();
        this.say("noted: airlock feedback prints it");
      }, this.fail);
    });
  }

  apply(): void {
    const { store } = this;
    if (store.staged.size === 0) this.say("nothing is staged: space stages what the cursor is on");
    if (store.staged.size === 0 || this.#isTalking) return;
    this.#isTalking = true;
    const onDone = ({ applyId, applied, skipped }: DoneMessage): void => {
      if (applyId !== null) store.staged = new Map();
      const left = skipped === 0 ? "" : `, ${skipped} left in the session`;
      this.say(
        applyId === null
          ? "nothing was applied"
          : `applied ${applied}${left}; to take it back: airlock undo ${applyId}`,
      );
      this.poll().catch(this.fail);
    };
    const onProblem = (error: unknown): void => {
      // What is true now is shown first: why nothing was written is said last.
      const say = (): void => this.fail(error);
      this.poll().then(say, say);
    };
    talkApply({ look: store.look.look, staged: stagedMessage(store), onDone, onProblem })
      .catch(this.fail)
      .finally(() => {
        this.#isTalking = false;
      });
  }

  undo(): void {
    const undo = this.store.state?.undo ?? null;
    if (undo === null) {
      this.say("nothing of this session is applied");
      return;
    }
    const { applyId, createdAt, paths } = undo;
    const text = `${applyId} of ${new Date(createdAt).toLocaleString()} wrote ${paths} paths. They become what they were before.`;
    askWhether("Take the last apply back?", text, "Take it back", () => {
      fetchJson<DoneMessage>("undo", { applyId })
        .then(async () => {
          this.store.staged = new Map();
          await this.poll();
          this.say(`took back ${applyId}`);
        })
        .catch(this.fail);
    });
  }

  again(): void {
    fetchJson("again", {})
      .then(() => this.poll())
      .then(() => this.say("looked again"))
      .catch(this.fail);
  }

  /** Asks what is so now. While somebody decides, what they decide about stays. */
  async poll(): Promise<void> {
    if (document.hidden || isDialogOpen()) return;
    const state = await fetchJson<StateMessage>("state");
    this.store.state = state;
    showSnapshots(state.snapshots);
    offerRecordings(state.recordings);
    setText(
      part("live", HTMLElement),
      state.state === "running" ? "running: what it changes appears here" : state.state,
    );
    part("undo", HTMLButtonElement).disabled = state.undo === null;
    if (state.look === this.store.look.look || isDialogOpen()) return;
    const look = await fetchJson<LookMessage>("look");
    const dropped = takeLook(this.store, look);
    this.#redraw();
    if (dropped > 0) this.say(`${dropped} staged changes are not what they were: they are no longer staged`);
  }
}
