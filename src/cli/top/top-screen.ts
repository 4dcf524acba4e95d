import { isAirlockError, messageOf } from "../../base/errors.js";
import { snapshotSession } from "../../session/snapshot.js";
import { loadSession } from "../../session/store.js";
import { answerWaiting, askWhileItWaits, waitingQuestions } from "../../session/tools/ask-session.js";
import { resetTrust } from "../../session/tools/trust-all.js";
import type { Observation, Observer } from "../../session/top/observe.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { confirm } from "../dialogue/prompt.js";
import { questionDeeds } from "../dialogue/question-deeds.js";
import { askHere } from "../dialogue/question-dialogue.js";
import { wantsColour } from "../render/colour.js";
import { EventQueue } from "../screen/event-queue.js";
import { FullScreen, type ScreenEvent } from "../screen/full-screen.js";
import { chosenSession, drawTop, pressTopKey, type TopEffect, type TopState } from "./top-state.js";

type Event = ScreenEvent | { readonly kind: "seen"; readonly sessions: readonly Observation[] };

const everyMs = 1_000;

/** The live view, until a person leaves it. */
export async function topOnScreen(
  context: CommandContext,
  bench: Workbench,
  observer: Observer,
  project: string | undefined,
): Promise<void> {
  const { edge } = context;
  const queue = new EventQueue<Event>(edge.signal);
  const over = new AbortController();
  const looking = lookAgain(observer, project, queue, over.signal);
  try {
    using screen = new FullScreen(edge, wantsColour(edge.env, true), queue.push);
    await watchKeys(context, bench, screen, queue);
  } finally {
    over.abort();
    await looking;
  }
}

async function lookAgain(
  observer: Observer,
  project: string | undefined,
  queue: EventQueue<Event>,
  signal: AbortSignal,
): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  while (!signal.aborted) {
    const sessions = await observer.look(project).catch(() => null);
    if (sessions !== null) queue.push({ kind: "seen", sessions });
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function watchKeys(
  context: CommandContext,
  bench: Workbench,
  screen: FullScreen,
  queue: EventQueue<Event>,
): Promise<void> {
  let state: TopState = { sessions: [], chosen: null, size: screen.size, message: "looking …", now: Date.now() };
  for (;;) {
    screen.draw(drawTop({ ...state, now: Date.now() }));
    for (const event of await queue.next()) {
      if (event.kind === "end") return;
      if (event.kind === "resize") state = { ...state, size: screen.size };
      else if (event.kind === "seen") {
        const message = state.message === "looking …" ? "" : state.message;
        state = { ...state, sessions: event.sessions, message };
      } else {
        const pressed = pressTopKey(state, event.key);
        state = pressed.state;
        if (pressed.effect === "leave") return;
        const chosen = chosenSession(state);
        if (pressed.effect === "pause") await screen.stop();
        else if (pressed.effect !== null && chosen !== null)
          state = { ...state, message: await perform(context, bench, screen, pressed.effect, chosen.id) };
      }
    }
  }
}

/** Does it, and says what came of it; what cannot be done is said, too. */
async function perform(
  context: CommandContext,
  bench: Workbench,
  screen: FullScreen,
  effect: TopEffect,
  id: string,
): Promise<string> {
  try {
    if (effect === "approve") return await screen.suspend(() => approve(context, bench, id));
    if (effect === "snapshot") {
      const { id: name } = await snapshotSession(bench, id, { message: "", reason: "request" });
      return `snapshot ${name} of ${id}`;
    }
    if (effect === "reset") return await reset(bench, id);
    return await screen.suspend(() => stop(context, bench, id));
  } catch (error) {
    if (!isAirlockError(error)) throw error;
    return messageOf(error);
  }
}

async function approve(context: CommandContext, bench: Workbench, id: string): Promise<string> {
  const [waiting] = await waitingQuestions(bench.home, id);
  if (waiting === undefined) return `nothing of ${id} waits for an answer`;
  const deeds = questionDeeds(context, bench);
  const answer = await askWhileItWaits(bench.home, waiting, (question, gone) =>
    askHere(context, question, deeds, gone),
  );
  if (answer === "gone") return "it was answered in another place, or its time is over";
  if (answer === null) return "it still waits";
  await answerWaiting(bench.home, waiting, { ...answer, by: "approve" });
  return `answered: ${answer.verdict}`;
}

async function reset(bench: Workbench, id: string): Promise<string> {
  const record = await loadSession(bench.home, id);
  if (record === null) return `${id} is gone`;
  await resetTrust(bench, record);
  return `${id} trusts what it did at its start`;
}

async function stop(context: CommandContext, bench: Workbench, id: string): Promise<string> {
  const record = await loadSession(bench.home, id);
  if (record === null || record.container === null) return `${id} does not run`;
  if (!(await confirm(context.edge, `stop what runs in ${id}? Its changes are kept.`))) return "it goes on";
  await (await bench.engine()).killContainer(record.container, "SIGTERM");
  return `${id} was told to stop`;
}
