type Paint = (text: string) => string;

/** Colours for a terminal, or none. What is painted must be escaped already. */
export interface Palette {
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
  readonly bold: Paint;
  readonly dim: Paint;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether to colour: https://no-color.org and FORCE_COLOR first, then whether a capable terminal is there. */
export function wantsColour(env: Environment, isTerminal: boolean): boolean {
  const forced = env["FORCE_COLOR"];
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false;
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  return isTerminal && env["TERM"] !== "dumb";
}

/** The palette to paint with. */
export function makePalette(coloured: boolean): Palette {
  const paint =
    (open: number, close: number): Paint =>
    (text) =>
      coloured && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
    bold: paint(1, 22),
    dim: paint(2, 22),
  };
}
