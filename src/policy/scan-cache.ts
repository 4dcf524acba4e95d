import { createHash } from "node:crypto";
import { type BigIntStats, readFileSync } from "node:fs";
import { writeFileAtomic } from "../base/atomic-file.js";

/** What a folder held when it was read: enough to walk on without reading it again. */
export interface FolderListing {
  readonly entries: number;
  readonly folders: readonly string[];
  /** Names of files that have to be judged. */
  readonly candidates: readonly string[];
}

type Row = readonly [path: string, stamp: string, entries: number, folders: string[], candidates: string[]];

const header = "airlock-scan 1";
/** Younger folders may change again within one tick of the file system's clock, so what was read of them is not kept. */
const settleMs = 2_000n;

function stampOf({ dev, ino, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${mtimeNs}:${ctimeNs}`;
}

/**
 * What earlier scans of a project read, by folder. Only a hint: a folder counts as known when its device, inode and both
 * times are the same, and nothing damaged or foreign is ever used.
 */
export class ScanCache {
  readonly #path: string | null;
  readonly #key: string;
  readonly #startNs: bigint;
  readonly #old: ReadonlyMap<string, Row>;
  readonly #rows: Row[] = [];
  #changed = false;

  /** `key` stands for everything else a listing depends on. */
  constructor(path: string | null, key: string) {
    this.#path = path;
    this.#key = createHash("sha256").update(key).digest("hex");
    this.#startNs = (BigInt(Date.now()) - settleMs) * 1_000_000n;
    this.#old = path === null ? new Map() : readRows(path, this.#key);
  }

  find(path: string, stats: BigIntStats): FolderListing | undefined {
    const row = this.#old.get(path);
    if (row === undefined || row[1] !== stampOf(stats)) return undefined;
    this.#rows.push(row);
    return { entries: row[2], folders: row[3], candidates: row[4] };
  }

  /** `stats` must have been taken before the folder was read. */
  remember(path: string, stats: BigIntStats, { entries, folders, candidates }: FolderListing): void {
    if (this.#path === null || stats.mtimeNs >= this.#startNs || stats.ctimeNs >= this.#startNs) return;
    this.#rows.push([path, stampOf(stats), entries, [...folders], [...candidates]]);
    this.#changed = true;
  }

  /** Writes it for the next scan. That this fails costs time only. */
  async save(): Promise<void> {
    if (this.#path === null || (!this.#changed && this.#rows.length === this.#old.size)) return;
    const body = JSON.stringify(this.#rows);
    try {
      await writeFileAtomic(this.#path, `${header} ${this.#key} ${digest(body)}\n${body}`);
    } catch {
      // The next scan reads everything again.
    }
  }
}

const digest = (body: string): string => createHash("sha256").update(body).digest("hex");

function readRows(path: string, key: string): Map<string, Row> {
  try {
    const text = readFileSync(path, "utf8");
    const end = text.indexOf("\n");
    const body = text.slice(end + 1);
    if (text.slice(0, end) !== `${header} ${key} ${digest(body)}`) return new Map();
    const rows: readonly Row[] = JSON.parse(body);
    return new Map(rows.map((row) => [row[0], row]));
  } catch {
    return new Map();
  }
}
