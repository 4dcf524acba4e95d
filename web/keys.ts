import { isDialogOpen, showKeys } from "./dialogs.js";
import { part } from "./dom.js";
import type { ReviewPage } from "./page.js";
import type { VirtualRows } from "./virtual-rows.js";

type Action = () => void;

function moves(list: VirtualRows): Readonly<Record<string, Action>> {
  const down = (): void => list.moveTo(list.at + 1);
  const up = (): void => list.moveTo(list.at - 1);
  return {
    ...{ ArrowDown: down, j: down, ArrowUp: up, k: up },
    ...{ PageDown: () => list.moveTo(list.at + list.page), PageUp: () => list.moveTo(list.at - list.page) },
    ...{ Home: () => list.moveTo(0), g: () => list.moveTo(0) },
    ...{ End: () => list.moveTo(Number.MAX_SAFE_INTEGER), G: () => list.moveTo(Number.MAX_SAFE_INTEGER) },
  };
}

const shiftColumns = 8;

/** What keys do: in the list, in the diff, anywhere but where text is typed. */
function actionsOf(
  page: ReviewPage,
): readonly [list: Record<string, Action>, diff: Record<string, Action>, all: Record<string, Action>] {
  const list = {
    ...moves(page.tree),
    ...{ Enter: () => page.open(), ArrowRight: () => page.open(true), ArrowLeft: () => page.open(false) },
    ...{ " ": () => page.stageRow(), "]": () => page.jumpRisk(1), "[": () => page.jumpRisk(-1) },
  };
  const diff = {
    ...moves(page.diff),
    ...{ Escape: () => page.treeBox.focus(), " ": () => page.stageHunk(), s: () => page.stageLine() },
    ...{ "]": () => page.jumpHunk(1), "[": () => page.jumpHunk(-1) },
    ...(page.store.layout === "split"
      ? { ArrowRight: () => page.shift(shiftColumns), ArrowLeft: () => page.shift(-shiftColumns) }
      : {}),
  };
  const all = {
    ...{ S: () => page.stageShown(), v: () => page.switchLayout(), c: () => page.note(), a: () => page.apply() },
    ...{
      u: () => page.undo(),
      r: () => page.again(),
      "?": showKeys,
      "/": () => part("search", HTMLInputElement).focus(),
    },
    f: () => part("filter", HTMLSelectElement).focus(),
  };
  return [list, diff, all];
}

/** Listens to keys on the whole page. */
export function listenToKeys(page: ReviewPage): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isDialogOpen()) return;
    const { target, key } = event;
    const isField = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (isField) {
      if (key === "Escape" || (key === "Enter" && target instanceof HTMLInputElement)) page.treeBox.focus();
      return;
    }
    const [list, diff, all] = actionsOf(page);
    const own = target === page.treeBox ? list : target === page.diffBox ? diff : {};
    const action = own[key] ?? all[key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
