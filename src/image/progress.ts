import { escapeText } from "../base/escape.js";

/** How far something that takes long has come. */
export interface Progress extends Disposable {
  /** A new step begins. */
  step(text: string): void;
  /** What the step is doing now; many of them are lost without harm. */
  detail(text: string): void;
  /** Something that must stay on the screen. */
  note(text: string): void;
}

interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const redrawMs = 80;

/** Progress on a terminal: one line that is drawn anew; elsewhere: a plain line for each step, and nothing for its details. */
export function makeProgress(screen: Screen, now: () => number = Date.now): Progress {
  return screen.isTTY === true ? terminalProgress(screen, now) : plainProgress(screen);
}

function plainProgress(screen: Screen): Progress {
  return {
    step: (text) => void screen.write(`${escapeText(text)}\n`),
    detail: () => undefined,
    note: (text) => void screen.write(`${escapeText(text)}\n`),
    [Symbol.dispose]: () => undefined,
  };
}

function terminalProgress(screen: Screen, now: () => number): Progress {
  const started = now();
  let step = "";
  let drawnAt = 0;
  const clear = (): void => void screen.write("\r\x1b[K");
  const draw = (detail: string): void => {
    const seconds = Math.round((now() - started) / 1000);
    const line = escapeText(`${step} (${seconds} s)${detail === "" ? "" : `: ${detail}`}`);
    screen.write(`\r\x1b[K${line.slice(0, (screen.columns ?? 80) - 1)}`);
    drawnAt = now();
  };
  return {
    step: (text) => {
      step = text;
      draw("");
    },
    detail: (text) => {
      if (now() - drawnAt >= redrawMs) draw(text.trim());
    },
    note: (text) => {
      clear();
      screen.write(`${escapeText(text)}\n`);
      if (step !== "") draw("");
    },
    [Symbol.dispose]: clear,
  };
}
