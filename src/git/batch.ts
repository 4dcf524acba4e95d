import type { RunGit } from "./run-git.js";

/** Objects by id, as `cat-file --batch` gives them. */
export type Objects = ReadonlyMap<string, Buffer>;

const timeoutMs = 60_000;

interface BatchInput {
  readonly run: RunGit;
  readonly gitDir: string;
  readonly ids: readonly string[];
  /** Larger objects are left out. */
  readonly largest: number;
  /** So much in all; what comes later is left out. */
  readonly total: number;
}

async function sizesOf({ run, gitDir, ids }: BatchInput): Promise<Map<string, number>> {
  const args = ["cat-file", "--batch-check=%(objectname) %(objectsize)"];
  const input = Buffer.from(ids.map((id) => `${id}\n`).join(""));
  const { stdout } = await run({ gitDir, args, input, maxBytes: 64 * 1024 * 1024, timeoutMs });
  const lines = stdout.toString("latin1").split("\n");
  return new Map(lines.map((line) => line.split(" ")).map(([id = "", size = ""]) => [id, Number(size)]));
}

/** Reads objects of a repository of ours in two calls; what is too large, or too much in all, is not among them. */
export async function readObjects(input: BatchInput): Promise<Objects> {
  const { run, gitDir, largest, total } = input;
  const found = new Map<string, Buffer>();
  const sizes = await sizesOf(input);
  let room = total;
  const wanted = [...new Set(input.ids)].filter((id) => {
    const size = sizes.get(id) ?? Number.NaN;
    if (!(size <= largest && size <= room)) return false;
    room -= size;
    return true;
  });
  if (wanted.length === 0) return found;
  const lines = Buffer.from(wanted.map((id) => `${id}\n`).join(""));
  const maxBytes = total + wanted.length * 128;
  const { stdout } = await run({ gitDir, args: ["cat-file", "--batch"], input: lines, maxBytes, timeoutMs });
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf(10, at);
    const [id = "", , size = ""] = stdout.subarray(at, end).toString("latin1").split(" ");
    const start = end + 1;
    if (end === -1 || !/^\d+$/.test(size)) break;
    found.set(id, stdout.subarray(start, start + Number(size)));
    at = start + Number(size) + 1;
  }
  return found;
}
