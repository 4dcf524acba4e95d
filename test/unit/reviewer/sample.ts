import { makeDoc } from "../../../src/cli/reviewer/diff-doc.js";
import { firstState, relist } from "../../../src/cli/reviewer/moves.js";
import type { ReviewerState } from "../../../src/cli/reviewer/state.js";
import { pressKey, takeDoc } from "../../../src/cli/reviewer/update.js";
import type { Change, ChangeKind } from "../../../src/model/change.js";
import { diffContents } from "../../../src/text/line-diff.js";
import { changeOf } from "../render/change-of.js";

/** A change, of high risk where there are reasons. */
export function changed(path: string, kind: ChangeKind = "modified", reasons: readonly string[] = []): Change {
  return changeOf(path, { kind, risk: { level: reasons.length > 0 ? "high" : "none", reasons } });
}

export function stateOf(changes: readonly Change[], columns = 80, rows = 24): ReviewerState {
  return relist({ ...firstState({ session: "brisk-otter-3f2a", changes, infos: [] }), size: { columns, rows } });
}

/** Presses keys: single characters, or names. */
export function press(state: ReviewerState, ...names: string[]): ReviewerState {
  return names.reduce(
    (now, name) => pressKey(now, { name, ...([...name].length === 1 ? { text: name } : {}) }).state,
    state,
  );
}

export const docOf = (path: string, before: string, after: string) =>
  makeDoc(path, Buffer.from(before), diffContents(Buffer.from(before), Buffer.from(after)));

export const withDoc = (state: ReviewerState, path: string, before: string, after: string): ReviewerState =>
  takeDoc(state, docOf(path, before, after));
