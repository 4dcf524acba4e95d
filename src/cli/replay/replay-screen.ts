import type { Cast } from "../../session/recording/open-cast.js";
import type { CommandContext } from "../context.js";
import { wantsColour } from "../render/colour.js";
import { EventQueue } from "../screen/event-queue.js";
import { fitRow, type Row } from "../screen/frame.js";
import { FullScreen, type ScreenEvent } from "../screen/full-screen.js";
import { EmulatedTerminal } from "./emulate.js";
import { beatsBefore, lastMark, newPlayer, type Player, pass, pressPlayerKey, untilNext } from "./player.js";

interface Wish {
  readonly speed: number;
  /** Seconds that a pause lasts at most. */
  readonly idleLimit: number;
}

const frameMs = 33;
const longestMs = 500;

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function statusRows(player: Player, cast: Cast, columns: number): Row[] {
  const state = player.isPaused ? "paused" : "playing";
  const place = ` ${cast.start.title} ${cast.name}  ${clock(player.now)}/${clock(player.length)}  ${state} x${player.speed}`;
  const mark = lastMark(player);
  const bar = fitRow([{ text: mark === null ? place : `${place}  ${mark}`, reverse: true }], columns, {
    reverse: true,
  });
  if (player.typing !== null) return [bar, [{ text: ` search: ${player.typing}` }, { text: " ", reverse: true }]];
  if (player.message !== "") return [bar, [{ text: ` ${player.message}`, bold: true }]];
  const keys = [
    " space pause  + - speed  n p marks  left right 5 s  g G ends  / search  . again  q leave",
    " space pause  + - speed  n p marks  / search  q leave",
  ];
  return [bar, [{ text: keys.find((each) => each.length < columns) ?? " q leave", dim: true }]];
}

type Event = ScreenEvent | { readonly kind: "tick" };

/** Plays a recording until a person leaves. */
export async function replayOnScreen({ edge }: CommandContext, cast: Cast, { speed, idleLimit }: Wish): Promise<void> {
  const queue = new EventQueue<Event>(edge.signal);
  const emulated = new EmulatedTerminal(cast.start);
  let player: Player | null = newPlayer(cast.events, speed, idleLimit);
  using screen = new FullScreen(edge, wantsColour(edge.env, true), queue.push);
  let shownAt = performance.now();
  while (player !== null) {
    await emulated.goTo(player.beats, beatsBefore(player, player.now));
    const { columns, rows } = screen.size;
    const height = Math.max(1, rows - 2);
    const body = emulated.rows(height);
    const filled = Array.from({ length: height }, (_, at): Row => body[at] ?? []);
    screen.draw([...filled, ...statusRows(player, cast, columns)]);
    const wait = untilNext(player);
    const timer =
      wait === null
        ? undefined
        : setTimeout(() => queue.push({ kind: "tick" }), Math.max(frameMs, Math.min(longestMs, wait * 1_000)));
    const events = await queue.next();
    clearTimeout(timer);
    const now = performance.now();
    player = pass(player, (now - shownAt) / 1_000);
    shownAt = now;
    for (const event of events) {
      if (event.kind === "end") return;
      if (event.kind !== "key" || player === null) continue;
      if (event.key.name === "ctrl-z") await screen.stop();
      else player = pressPlayerKey(player, event.key);
    }
  }
}
