import type { ContentSource } from "../../../src/cli/render/content-source.js";
import type { Change, EntryState } from "../../../src/model/change.js";

/** A file's side of a change. */
export function fileState(size: number, mode = 0o644, sha256?: string): EntryState {
  return { type: "file", mode, size, ...(sha256 === undefined ? {} : { sha256 }) };
}

/** A change with nothing special about it. */
export function changeOf(path: string, more: Partial<Change> = {}): Change {
  const kind = more.kind ?? "modified";
  return {
    path,
    kind,
    type: "file",
    before: kind === "added" ? null : fileState(1),
    after: kind === "deleted" ? null : fileState(1),
    binary: false,
    risk: { level: "none", reasons: [] },
    conflict: false,
    masked: false,
    ...more,
  };
}

/** Contents by path. */
export function sourceOf(before: Record<string, string>, after: Record<string, string>): ContentSource {
  const read = (all: Record<string, string>) => (path: string) => {
    const text = all[path];
    return Promise.resolve(text === undefined ? null : Buffer.from(text, "latin1"));
  };
  return { readBefore: read(before), readAfter: read(after) };
}

/** All of a stream as one string. */
export async function textOf(
  parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<string> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(Buffer.from(part as string));
  return Buffer.concat(all).toString("utf8");
}
