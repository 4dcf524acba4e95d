import { createHash } from "node:crypto";
import { cutKind, formatEntry, genesis, hashEntry } from "./entry.js";
import { type JournalHead, readHead } from "./head.js";
import { readLineBatches } from "./lines.js";
import { parseEntry } from "./read.js";

/** What `--verify` found: the number of entries and the last one's hash, or the first thing that is wrong. */
export type Verdict =
  | { readonly ok: true; readonly entries: number; readonly head: string; readonly torn: number }
  | { readonly ok: false; readonly entries: number; readonly line: number; readonly problem: string };

const dataMark = Buffer.from(',"data":{');
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

const cutMark = Buffer.from(`,"kind":"${cutKind}"`);
/** Of number, both times and kind. */
const longestStart = 160;

// Data comes later in the line: what is found this near to its beginning is the kind itself.
const isCut = (line: Buffer): boolean => {
  const at = line.subarray(0, longestStart).indexOf(cutMark);
  return at !== -1 && at < line.indexOf(dataMark);
};

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

function endProblem(head: JournalHead | null, expected: Expected, atHead: string | null): string | null {
  if (head === null) return null;
  const entries = expected.seq - 1;
  if (!(head.entries <= entries)) return `entries up to ${head.entries} were written; the end is missing`;
  return atHead === head.hash ? null : `entry ${head.entries} is not the one that was written`;
}

/**
 * Walks the whole chain, through all parts. The head file, kept apart from the journal, is how a cut tail is found: a chain
 * that simply ends early is a good chain. Half a line that the head does not know was never acknowledged, and is no damage.
 * The head is read first: what is written meanwhile comes after it. `wanted` is the hash of an entry that must be there, as
 * somebody kept it elsewhere: so is found, too, what was forged together with the head.
 */
export async function verifyJournal(path: string, headPath: string, wanted?: string): Promise<Verdict> {
  const head = await readHead(headPath);
  let expected: Expected = { seq: 1, prev: genesis };
  let tornBytes = 0;
  let atHead: string | null = null;
  let isFound = wanted === undefined;
  const damage = (problem: string): Verdict => ({ ok: false, entries: expected.seq - 1, line: expected.seq, problem });
  for await (const { lines, torn, isFull } of readLineBatches(path)) {
    tornBytes = torn;
    if (torn > 0 && isFull) return damage("a part of the journal that was full ends with half a line");
    for (const line of lines) {
      const found = check(line, expected);
      if ("problem" in found) return damage(found.problem);
      if (isCut(line)) return damage(`entries from here on were cut off, and entry ${expected.seq} says so`);
      isFound ||= found.hash === wanted;
      if (head?.entries === expected.seq) atHead = found.hash;
      expected = { seq: expected.seq + 1, prev: found.hash };
    }
  }
  const problem =
    endProblem(head, expected, atHead) ?? (isFound ? null : `no entry has the hash ${wanted}: this is another journal`);
  return problem === null
    ? { ok: true, entries: expected.seq - 1, head: expected.prev, torn: tornBytes }
    : damage(problem);
}
