import type { ChangeKind } from "../model/change.js";
import { binaryReasons } from "./binary-content.js";
import { canonicalNames } from "./canonical.js";
import { hiddenTextReasons } from "./hidden-text.js";
import { wantsContents } from "./runs-on-host.js";
import { secretReasons } from "./secret-content.js";

/** What was read of a file. */
export interface SeenContent {
  readonly bytes: Uint8Array;
  /** Why the rest was not read: a part of a sentence about the file. Absent: these are all of its bytes. */
  readonly cut?: string;
}

/** Both sides of a change; absent where there is no file, or none that can be read. */
export interface SeenContents {
  readonly before?: SeenContent | undefined;
  readonly after?: SeenContent | undefined;
  /** Why they are not to be compared by their structure: a part of a sentence about the file. */
  readonly uncompared?: string;
}

interface ContentInput {
  readonly path: string;
  readonly kind: ChangeKind;
  readonly binary?: boolean;
  readonly contents?: SeenContents | undefined;
}

function latin1(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Adds what the new content brings that was not in the old one: secrets, text that deceives, what cannot be read. */
export function contentReasons(
  { path, kind, binary, contents }: ContentInput,
  { high, low }: { readonly high: string[]; readonly low: string[] },
): void {
  if (kind === "deleted") return;
  const after = contents?.after;
  if (after !== undefined) {
    const names = canonicalNames(path);
    const name = names.at(-1) ?? "";
    const before = contents?.before?.bytes;
    const text = latin1(after.bytes);
    high.push(...secretReasons(() => latin1(before), text), ...binaryReasons(name, before, after.bytes));
    if (binary !== true) {
      if (/[\x80-\xff]/.test(text)) {
        high.push(...hiddenTextReasons(name, before ?? null, after.bytes, wantsContents(names) !== "no"));
      }
      if (after.cut !== undefined) {
        const read = after.bytes.length;
        low.push(`was searched for secrets and hidden characters in its first ${read} bytes only: it ${after.cut}`);
      }
    }
  }
  if (binary === true) low.push("is binary, so its content cannot be read here");
}
