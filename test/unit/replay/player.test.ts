import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EmulatedTerminal } from "../../../src/cli/replay/emulate.js";
import {
  beatsBefore,
  lastMark,
  newPlayer,
  type Player,
  pass,
  pressPlayerKey,
  untilNext,
} from "../../../src/cli/replay/player.js";
import { paintRow } from "../../../src/cli/screen/frame.js";
import { castEvent, castHeader } from "../../../src/text/asciicast.js";
import { type CastEvent, readCastEvent, readCastHead, readCastSize } from "../../../src/text/read-cast.js";

const events: CastEvent[] = [
  { seconds: 1, code: "o", data: "hello \u001b[31mwor" },
  { seconds: 2, code: "m", data: "#7 tool.call shell allow" },
  { seconds: 62, code: "o", data: "ld\u001b[0m\r\n" },
  { seconds: 63, code: "m", data: "#9 tool.call write deny" },
];
const key = (player: Player, ...names: string[]): Player => {
  const text = (name: string) => (name.length === 1 ? { text: name } : {});
  return names.reduce((now, name) => pressPlayerKey(now, { name, ...text(name) }) ?? now, player);
};

describe("a replay", () => {
  it("keeps the time of the recording, and cuts pauses short where that is wanted", () => {
    expect(newPlayer(events, 1, Number.POSITIVE_INFINITY).length).toBe(63);
    const player = newPlayer(events, 2, 2);
    expect(player.length).toBe(5);
    expect(untilNext(player)).toBe(0.5);
    expect(beatsBefore(player, pass(player, 1).now)).toBe(2);
  });

  it("pauses, goes faster and slower, and begins again after its end", () => {
    const player = newPlayer(events, 1, 2);
    expect(pass(key(player, " "), 9).now).toBe(0);
    expect(key(player, "+", "+", "-").speed).toBe(2);
    const ended = pass(player, 99);
    expect([ended.isPaused, ended.now]).toEqual([true, 5]);
    expect([key(ended, " ").now, key(ended, " ").isPaused]).toEqual([0, false]);
    expect(pressPlayerKey(player, { name: "q" })).toBeNull();
  });

  it("goes from mark to mark and says which was passed last", () => {
    const player = newPlayer(events, 1, Number.POSITIVE_INFINITY);
    expect([lastMark(player), lastMark(key(player, "n"))]).toEqual([null, "#7 tool.call shell allow"]);
    expect(key(player, "n", "n").now).toBe(63);
    expect(key(player, "n", "n", "p").now).toBe(2);
    expect(key(player, "n", "n", "n").message).toBe("no other mark");
  });

  it("finds what was shown, also across two pieces of output and their colours, and the marks", () => {
    const player = newPlayer(events, 1, Number.POSITIVE_INFINITY);
    const find = (text: string): Player => key(player, "/", ...text, "enter");
    expect(find("WRITE deny").now).toBe(63);
    expect(find("hello").now).toBe(1);
    expect(find("nowhere").message).toBe("not found: nowhere");
    const pieces = newPlayer(
      [events[0], events[2]].flatMap((each) => each ?? []),
      1,
      Number.POSITIVE_INFINITY,
    );
    expect(key(pieces, "/", ..."hello world", "enter").now).toBe(62);
  });
});

const head = { columns: 20, rows: 3, title: "", timestamp: 0, term: undefined };
const painted = (terminal: EmulatedTerminal): string[] => terminal.rows(3).map((row) => paintRow(row, 20, true));
// biome-ignore lint/suspicious/noControlCharactersInRegex: our own sequences are made of them
const ours = /\u001b\[(?:[\d;]*m|\d+G)/g;

describe("the terminal of a replay", () => {
  it("shows what the recorded one showed, forwards and back", async () => {
    const { beats } = newPlayer(events, 1, 2);
    const terminal = new EmulatedTerminal(head);
    await terminal.goTo(beats, 4);
    expect(painted(terminal)[0]).toContain("\u001b[38;5;1mworld\u001b[0m");
    await terminal.goTo(beats, 1);
    expect(painted(terminal)[0]?.replace(ours, "").trimEnd()).toBe("hello wor");
  });

  it("lets nothing of a hostile recording through: titles, clipboards, questions, device controls", async () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.constantFrom(
        "\u001b]52;c;ZXZpbA==\u0007",
        "\u001b]0;title\u0007",
        "\u001b[6n",
        "\u001b[c",
        "\u001bP+q544e\u001b\\",
        "\u001b[?1049h",
      ),
      fc.constantFrom(
        "\u001b]8;;http://evil\u0007x\u001b]8;;\u0007",
        "\u009b2J",
        "\u202eabc",
        "e\u0301",
        "漢",
        "\u001b[8;500;500t",
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { maxLength: 12 }), async (pieces) => {
        const terminal = new EmulatedTerminal(head);
        const { beats } = newPlayer(
          pieces.map((data, at) => ({ seconds: at, code: "o", data })),
          1,
          2,
        );
        await terminal.goTo(beats, beats.length);
        const rest = painted(terminal).join("").replace(ours, "");
        expect(rest).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 200 },
    );
  });

  it("follows a change of size, within reason", async () => {
    const terminal = new EmulatedTerminal(head);
    const sizes = ["40x10", "99999x2", "0x5", "7x7\u0007"].map(
      (data, at): CastEvent => ({ seconds: at, code: "r", data }),
    );
    await terminal.goTo(newPlayer(sizes, 1, 2).beats, 4);
    expect(terminal.size).toEqual({ columns: 40, rows: 10 });
  });
});

describe("reading a recording", () => {
  it("gives back what was written", () => {
    const line = castHeader({ columns: 80, rows: 24, startedAt: new Date(5_000), title: "t", term: "xterm" });
    expect(readCastHead(line)).toEqual({ columns: 80, rows: 24, title: "t", timestamp: 5, term: "xterm" });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (data) => {
        expect(readCastEvent(castEvent(1.5, "o", data))).toEqual({ seconds: 1.5, code: "o", data });
      }),
    );
  });

  it("takes a terminal that nobody gave a size for one of the usual size", () => {
    expect(readCastHead('{"version":2,"width":0,"height":0}')).toMatchObject({ columns: 80, rows: 24 });
  });

  it("takes no other version, no other kind of event and nothing torn", () => {
    expect([readCastHead('{"version":3,"width":80,"height":24}'), readCastHead("[]"), readCastHead("")]).toEqual([
      null,
      null,
      null,
    ]);
    expect(['[1,"i","secret"]', '[1,"o"]', '[-1,"o","x"]', '["1","o","x"]', '[1,"o","to'].map(readCastEvent)).toEqual(
      Array.from({ length: 5 }, () => null),
    );
    expect(readCastSize("80x24")).toEqual({ columns: 80, rows: 24 });
    fc.assert(fc.property(fc.anything(), (value) => void readCastHead(JSON.stringify(value) ?? "")));
  });
});
