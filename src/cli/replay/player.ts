import { stripVTControlCharacters } from "node:util";
import type { CastEvent } from "../../text/read-cast.js";

/** An event at the time at which it is played: pauses may be shorter than they were. */
export interface Beat extends CastEvent {
  readonly at: number;
}

/** Where a replay is, and how it goes on. Pure: time is what it is told. */
export interface Player {
  readonly beats: readonly Beat[];
  readonly length: number;
  /** Seconds since the beginning, pauses cut short. */
  readonly now: number;
  readonly speed: number;
  readonly isPaused: boolean;
  readonly query: string;
  readonly typing: string | null;
  readonly message: string;
}

const speeds = [0.25, 0.5, 1, 2, 4, 8, 16, 32] as const;

/** A replay from its beginning; pauses longer than `idleLimit` seconds last so long. */
export function newPlayer(events: readonly CastEvent[], speed: number, idleLimit: number): Player {
  const beats: Beat[] = [];
  let [at, before] = [0, 0];
  for (const event of events) {
    // Marks beside output do not make a pause two.
    at += Math.min(idleLimit, Math.max(0, event.seconds - before));
    before = Math.max(before, event.seconds);
    beats.push({ ...event, at });
  }
  return { beats, length: at, now: 0, speed, isPaused: false, query: "", typing: null, message: "" };
}

/** How many beats have been played at a time. */
export function beatsBefore({ beats }: Player, time: number): number {
  let [low, high] = [0, beats.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((beats[middle]?.at ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

const clamp = (player: Player, now: number): Player => ({ ...player, now: Math.max(0, Math.min(player.length, now)) });

/** So many seconds of somebody's time pass. */
export function pass(player: Player, seconds: number): Player {
  if (player.isPaused) return player;
  const next = clamp(player, player.now + seconds * player.speed);
  return next.now >= player.length ? { ...next, isPaused: true, message: "the end" } : next;
}

/** Seconds until something is to be shown; null: nothing moves. */
export function untilNext(player: Player): number | null {
  if (player.isPaused) return null;
  const next = player.beats[beatsBefore(player, player.now)]?.at ?? player.length;
  return Math.max(0, next - player.now) / player.speed;
}

function toMark(player: Player, step: 1 | -1): Player {
  // Who goes back stands a moment behind the mark that was passed just now.
  const marks = player.beats.filter(({ code }) => code === "m");
  const found =
    step === 1 ? marks.find(({ at }) => at > player.now) : marks.findLast(({ at }) => at < player.now - 0.001);
  return found === undefined ? { ...player, message: "no other mark" } : clamp(player, found.at);
}

interface Found {
  readonly text: string;
  /** Where the text of each beat begins. */
  readonly starts: readonly number[];
}

const searchable = new WeakMap<readonly Beat[], Found>();

function textOf(beats: readonly Beat[]): Found {
  const known = searchable.get(beats);
  if (known !== undefined) return known;
  const starts: number[] = [];
  const parts: string[] = [];
  let length = 0;
  for (const { code, data } of beats) {
    starts.push(length);
    const part =
      code === "o" ? stripVTControlCharacters(data).toLowerCase() : code === "m" ? `\n${data.toLowerCase()}\n` : "";
    parts.push(part);
    length += part.length;
  }
  const found = { text: parts.join(""), starts };
  searchable.set(beats, found);
  return found;
}

/** Goes to where the searched text is next shown, from the beginning again after the end. */
export function search(player: Player): Player {
  const query = player.query.toLowerCase();
  if (query === "") return { ...player, message: "nothing to search for: press /" };
  const { text, starts } = textOf(player.beats);
  const from = starts[beatsBefore(player, player.now)] ?? text.length;
  const place = [text.indexOf(query, from), text.indexOf(query)].find((each) => each !== -1);
  if (place === undefined) return { ...player, message: `not found: ${player.query}` };
  const end = place + query.length - 1;
  const beat = starts.findLastIndex((start) => start <= end);
  return clamp({ ...player, isPaused: true, message: "" }, player.beats[beat]?.at ?? 0);
}

/** The last mark that was passed; null: none was. */
export function lastMark(player: Player): string | null {
  const played = beatsBefore(player, player.now);
  for (let at = played - 1; at >= 0; at -= 1) {
    const beat = player.beats[at];
    if (beat?.code === "m") return beat.data;
  }
  return null;
}

const faster = (player: Player, step: 1 | -1): Player => {
  const next = step === 1 ? speeds.find((each) => each > player.speed) : speeds.findLast((each) => each < player.speed);
  return { ...player, speed: next ?? player.speed };
};

const keys: Readonly<Record<string, (player: Player) => Player>> = {
  " ": (player) =>
    player.now >= player.length ? { ...player, now: 0, isPaused: false } : { ...player, isPaused: !player.isPaused },
  "+": (player) => faster(player, 1),
  "=": (player) => faster(player, 1),
  "-": (player) => faster(player, -1),
  n: (player) => toMark(player, 1),
  p: (player) => toMark(player, -1),
  right: (player) => clamp(player, player.now + 5),
  left: (player) => clamp(player, player.now - 5),
  g: (player) => clamp(player, 0),
  G: (player) => clamp({ ...player, isPaused: true }, player.length),
  "/": (player) => ({ ...player, typing: "" }),
  ".": search,
};

/** A key, and the replay after it; null: it is over. */
export function pressPlayerKey(
  player: Player,
  { name, text }: { readonly name: string; readonly text?: string },
): Player | null {
  const quiet = { ...player, message: "" };
  if (name === "ctrl-c") return null;
  if (quiet.typing === null) {
    if (name === "q" || name === "escape") return null;
    return Object.hasOwn(keys, name) ? (keys[name]?.(quiet) ?? quiet) : quiet;
  }
  if (name === "escape") return { ...quiet, typing: null };
  if (name === "enter") {
    const query = quiet.typing === "" ? quiet.query : quiet.typing;
    return search({ ...quiet, query, typing: null });
  }
  if (name === "backspace") return { ...quiet, typing: [...quiet.typing].slice(0, -1).join("") };
  return text === undefined ? quiet : { ...quiet, typing: (quiet.typing + text).slice(0, 200) };
}
