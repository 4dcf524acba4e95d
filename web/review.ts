import type { LookMessage } from "../src/cli/web/messages.js";
import { fetchJson, Refused } from "./api.js";
import { showKeys } from "./dialogs.js";
import { make, part, setText } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { ReviewPage } from "./page.js";
import { playRecording } from "./recordings.js";
import { type Filter, filters } from "./store.js";

const pollMs = 2_000;

function connectControls(page: ReviewPage): void {
  const on = (id: string, work: () => void): void => part(id, HTMLButtonElement).addEventListener("click", work);
  on("stage", () => page.stageRow());
  on("note", () => page.note());
  on("layout", () => page.switchLayout());
  on("apply", () => page.apply());
  on("undo", () => page.undo());
  on("again", () => page.again());
  on("help", showKeys);
  on("play", () => void playRecording().catch(page.fail));
  const search = part("search", HTMLInputElement);
  search.addEventListener("input", () => {
    page.store.query = search.value;
    page.relist();
  });
  const filter = part("filter", HTMLSelectElement);
  filter.append(...filters.map((name) => make("option", {}, name)));
  filter.addEventListener("change", () => {
    page.store.filter = filters[filter.selectedIndex] ?? ("all" satisfies Filter);
    page.relist();
  });
}

async function start(): Promise<void> {
  const page = new ReviewPage(await fetchJson<LookMessage>("look"));
  connectControls(page);
  listenToKeys(page);
  page.treeBox.focus();
  const poll = async (): Promise<void> => {
    try {
      await page.poll();
    } catch (error) {
      // A refusal is said and may pass; a server that is not there any more does not come back under this address.
      if (error instanceof Refused) page.fail(error);
      else return page.say("the review has ended where it was started");
    }
    setTimeout(poll, pollMs);
    return undefined;
  };
  await poll();
}

start().catch((error: unknown) => {
  setText(part("status", HTMLElement), error instanceof Error ? error.message : String(error));
});
