import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { cutKind, formatEntry, genesis, hashEntry } from "./entry.js";
import { readLineBatches } from "./lines.js";
import { parseEntry } from "./read.js";

/** What `--verify` found: the number of entries and the last one's hash, or the first thing that is wrong. */
export type Verdict =
  | { readonly ok: true; readonly entries: number; readonly head: string; readonly torn: number }
  | { readonly ok: false; readonly entries: number; readonly line: number; readonly problem: string };

const close = Buffer.from("}");
const hexLength = 64;
// A line ends with ,"prev":"<64>","hash":"<64>"}
const hashFrom = hexLength + 2;
const cutFrom = hashFrom + ',"hash":"'.length;
const prevFrom = cutFrom + 1 + hexLength;

// Escapes of the form \\u stand where the file may differ from what was hashed; every other line is hashed as it stands.
function quickHash(line: Buffer): string | null {
  if (line.length < prevFrom + 20 || line.includes("\\u")) return null;
  const end = line.length;
  return createHash("sha256")
    .update(line.subarray(0, end - cutFrom))
    .update(close)
    .digest("hex");
}

function isShaped(line: Buffer, expected: Expected): boolean {
  const end = line.length;
  const tail = line.toString("latin1", end - prevFrom - ',"prev":"'.length, end - hashFrom);
  const head = `{"seq":${expected.seq},"at":"`;
  return (
    tail === `,"prev":"${expected.prev}","hash":"` &&
    line.toString("latin1", 0, head.length) === head &&
    line.toString("latin1", end - 2) === '"}'
  );
}

// The time between is 24 characters long.
function isCut(line: Buffer, { seq }: Expected): boolean {
  const kindFrom = `{"seq":${seq},"at":"`.length + 25;
  const kind = `,"kind":"${cutKind}"`;
  return line.toString("latin1", kindFrom, kindFrom + kind.length) === kind;
}

interface Expected {
  readonly seq: number;
  readonly prev: string;
}

function slowProblem(line: Buffer, expected: Expected): string | null {
  const entry = parseEntry(line);
  if (entry === null) return "the line is not an entry";
  if (entry.seq !== expected.seq) return `entry ${entry.seq} stands where ${expected.seq} belongs`;
  if (entry.prev !== expected.prev) return `entry ${entry.seq} does not follow the one before it`;
  const isSame = hashEntry(entry) === entry.hash && Buffer.from(formatEntry(entry)).subarray(0, -1).equals(line);
  return isSame ? null : `entry ${entry.seq} was changed`;
}

// The quick way only ever says yes; whatever it does not know is looked at properly.
function check(line: Buffer, expected: Expected): { readonly problem: string } | { readonly hash: string } {
  const stated = line.toString("latin1", line.length - hashFrom, line.length - 2);
  if (quickHash(line) === stated && isShaped(line, expected)) return { hash: stated };
  const problem = slowProblem(line, expected);
  return problem === null ? { hash: stated } : { problem };
}

/**
 * Walks the whole chain. The head file, kept apart from the journal, is how a cut tail is found: a chain that simply ends
 * early is a good chain. Half a line that the head does not know was never acknowledged, and is no damage.
 */
export async function verifyJournal(path: string, headPath: string): Promise<Verdict> {
  let expected: Expected = { seq: 1, prev: genesis };
  let tornBytes = 0;
  for await (const { lines, torn } of readLineBatches(path)) {
    tornBytes = torn;
    for (const line of lines) {
      const found = check(line, expected);
      if ("problem" in found) return { ok: false, entries: expected.seq - 1, line: expected.seq, ...found };
      if (isCut(line, expected)) {
        const problem = `entries from here on were cut off, and entry ${expected.seq} says so`;
        return { ok: false, entries: expected.seq - 1, line: expected.seq, problem };
      }
      expected = { seq: expected.seq + 1, prev: found.hash };
    }
  }
  const entries = expected.seq - 1;
  const head = (await readFile(headPath, "utf8").catch(() => "")).trim();
  const [seq = "", hash] = head.split(" ");
  const isBehind = head !== "" && (Number(seq) > entries || (Number(seq) === entries && hash !== expected.prev));
  if (!isBehind) return { ok: true, entries, head: expected.prev, torn: tornBytes };
  return {
    ok: false,
    entries,
    line: entries + 1,
    problem: `entries up to ${seq} were written; the end is missing`,
  };
}
