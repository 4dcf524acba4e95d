import { decodePath } from "../base/byte-path.js";
import type { Change, ChangeKind, EntryState } from "../model/change.js";
import { assessRisk } from "../risk/assess.js";
import type { SeenContent } from "../risk/content-reasons.js";
import { type Objects, readObjects } from "./batch.js";
import type { RawEntry } from "./raw-diff.js";
import type { RunGit } from "./run-git.js";

const largestRead = 1024 * 1024;
const totalRead = 64 * 1024 * 1024;
const headBytes = 8_000;

function stateOf(mode: number, id: string, objects: Objects): EntryState | null {
  if (mode === 0) return null;
  const body = objects.get(id);
  const size = body?.length ?? 0;
  // A submodule is a folder to whoever looks at files.
  if (mode === 0o160000) return { type: "dir", mode: 0o755, size: 0 };
  if (mode === 0o120000)
    return { type: "symlink", mode: 0o777, size, target: body === undefined ? "" : decodePath(body) };
  return { type: "file", mode: (mode & 0o111) === 0 ? 0o644 : 0o755, size };
}

function kindOf({ oldId, newId }: RawEntry, before: EntryState | null, after: EntryState | null): ChangeKind {
  if (before === null) return "added";
  if (after === null) return "deleted";
  if (before.type !== after.type) return "type";
  return oldId === newId ? "mode" : "modified";
}

function seen(state: EntryState | null, id: string, objects: Objects): SeenContent | undefined {
  if (state?.type !== "file") return undefined;
  const bytes = objects.get(id);
  return bytes === undefined ? { bytes: new Uint8Array(), cut: "is too large to be read" } : { bytes };
}

function judge(entry: RawEntry, objects: Objects): Change {
  const { path } = entry;
  const before = stateOf(entry.oldMode, entry.oldId, objects);
  const after = stateOf(entry.newMode, entry.newId, objects);
  const kind = kindOf(entry, before, after);
  const contents = { before: seen(before, entry.oldId, objects), after: seen(after, entry.newId, objects) };
  const binary = [contents.before, contents.after].some(
    (each) => each?.bytes.subarray(0, headBytes).includes(0) ?? false,
  );
  const risk = assessRisk({ path, kind, before, after, binary, contents });
  const type = (after ?? before)?.type ?? "file";
  return { path, kind, type, before, after, binary, risk, conflict: false, masked: false };
}

interface JudgeInput {
  readonly run: RunGit;
  readonly gitDir: string;
  readonly entries: readonly RawEntry[];
}

/** The changes of a list of git's, each judged as a change of the same path in the project would be. */
export async function judgeEntries({ run, gitDir, entries }: JudgeInput): Promise<Change[]> {
  const isBlob = (mode: number): boolean => mode !== 0 && mode !== 0o160000;
  const ids = entries.flatMap(({ oldMode, newMode, oldId, newId }) => [
    ...(isBlob(newMode) ? [newId] : []),
    ...(isBlob(oldMode) ? [oldId] : []),
  ]);
  const objects = await readObjects({ run, gitDir, ids, largest: largestRead, total: totalRead });
  return entries.map((entry) => judge(entry, objects));
}
