import { displayPath } from "../src/base/escape.js";
import type { DoneMessage, PlanMessage } from "../src/cli/web/messages.js";
import { fetchJson } from "./api.js";
import { button, make, part, setText } from "./dom.js";

const dialog = (): HTMLDialogElement => part("dialog", HTMLDialogElement);

export const isDialogOpen = (): boolean => dialog().open;

function open(title: string, ...content: readonly HTMLElement[]): void {
  dialog().replaceChildren(make("h2", { attributes: { id: "dialog-title" } }, title), ...content);
  if (!dialog().open) dialog().showModal();
}

const close = (): void => dialog().close();

const bar = (...buttons: readonly HTMLElement[]): HTMLElement => make("div", { class: "bar" }, ...buttons);

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Shows a page of its own until it is closed, and then no trace of it is left. */
export function showFrame(title: string, frame: HTMLIFrameElement, onClose: () => void): void {
  const end = (): void => {
    frame.remove();
    onClose();
  };
  dialog().addEventListener("close", end, { once: true });
  open(title, frame, bar(button("Close", close)));
}

/** Asks whether something is meant. */
export function askWhether(title: string, text: string, verb: string, work: () => void): void {
  const agree = button(verb, () => {
    close();
    work();
  });
  open(title, make("p", {}, text), bar(button("Cancel", close), agree));
}

/** Asks for a note about a path. */
export function askNote(path: string, old: string, work: (text: string) => void): void {
  const input = make("input", { attributes: { type: "text", maxlength: "500", size: "60", id: "note-text" } });
  input.value = old;
  const send = (): void => {
    close();
    work(input.value.trim());
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  const label = make("label", {}, `What the agent is told about ${displayPath(path)} `, input);
  open("A note for the agent", label, bar(button("Cancel", close), button("Note it", send)));
  input.focus();
}

const keys: readonly (readonly [string, string])[] = [
  ["j k, arrows, PgUp PgDn, g G", "move"],
  ["Enter, Esc", "to the diff, back to the list; opens and closes a folder"],
  ["] [", "the next or last change of high risk; in a diff the next or last hunk"],
  ["space", "stages or unstages a file, a folder, a section; in a diff the hunk"],
  ["s", "in a diff: stages or unstages the line"],
  ["S", "stages or unstages all that the list shows"],
  ["v", "the diff side by side, or one below the other; left and right move it"],
  ["/ f", "search, show a part only"],
  ["c", "a note for the agent"],
  ["a", "plan and apply what is staged"],
  ["u", "take the last apply back"],
  ["r", "look again: at what changed on the host, too"],
  ["Tab", "everything else on the page"],
];

export function showKeys(): void {
  const list = make("dl");
  for (const [key, text] of keys) list.append(make("dt", {}, key), make("dd", {}, text));
  open("Keys", list, bar(button("Close", close)));
}

interface ApplyTalk {
  readonly look: number;
  readonly staged: readonly unknown[];
  readonly onDone: (done: DoneMessage) => void;
  readonly onProblem: (error: unknown) => void;
}

interface Policies {
  readonly policy?: string;
  readonly unmerged?: string;
}

/** Shows the plan, asks what must be asked, applies: the same questions as at a terminal. */
export async function talkApply(talk: ApplyTalk, policies: Policies = {}): Promise<void> {
  const { look, staged, onDone, onProblem } = talk;
  const plan = await fetchJson<PlanMessage>("plan", { look, staged, ...policies });
  const text = make("pre", { attributes: { tabindex: "0", role: "region", "aria-label": "The plan" } });
  setText(text, plan.text);
  const again = (policy: string): void => {
    const next = policies.policy === "merge" ? { policy: "merge", unmerged: policy } : { policy };
    talkApply(talk, next).catch((error: unknown) => {
      close();
      onProblem(error);
    });
  };
  const boxes = plan.risky.map(() => make("input", { attributes: { type: "checkbox" } }));
  const write = button("", () => {
    close();
    const agreed = plan.risky.flatMap(({ at }, index) => (boxes[index]?.checked === true ? [at] : []));
    fetchJson<DoneMessage>("apply", { plan: plan.plan, agreed }).then(onDone, onProblem);
  });
  const count = (): void => {
    const refused = boxes.filter(({ checked }) => !checked).length;
    write.textContent = `Write ${plural(Math.max(0, plan.writes - refused), "path")} to the project`;
  };
  for (const box of boxes) box.addEventListener("change", count);
  count();
  write.disabled = plan.conflicts > 0 || plan.writes === 0;
  open("Apply", text, ...conflictParts(plan, again), ...riskParts(plan, boxes), bar(button("Cancel", close), write));
}

function conflictParts({ conflicts, policies }: PlanMessage, again: (policy: string) => void): HTMLElement[] {
  if (conflicts === 0) return [];
  const title = `${plural(conflicts, "path")} changed on the host as well as in the session: nothing is applied until you decide`;
  const choices = policies.map(({ policy, help }) =>
    make(
      "p",
      {},
      button(policy, () => again(policy)),
      ` ${help}`,
    ),
  );
  return [make("fieldset", {}, make("legend", {}, title), ...choices)];
}

function riskParts({ risky }: PlanMessage, boxes: readonly HTMLInputElement[]): HTMLElement[] {
  if (risky.length === 0) return [];
  const title = `${plural(risky.length, "change")} of high risk: each is written only if you say so`;
  const rows = risky.map(({ path, reasons }, at) =>
    make("label", {}, boxes[at] ?? "", ` ${displayPath(path)}: ${reasons.join("; ")}`),
  );
  return [make("fieldset", {}, make("legend", {}, title), ...rows)];
}
