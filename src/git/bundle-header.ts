import { decodePath } from "../base/byte-path.js";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import { isObjectId } from "./refs.js";

/** What a bundle says of itself before its pack begins. */
export interface BundleHeader {
  readonly ref: string;
  readonly tip: string;
  readonly prerequisites: readonly string[];
  /** Where in the file the pack begins. */
  readonly packOffset: number;
}

/** As much of a bundle's beginning as its header may take: some ten thousand prerequisites. */
export const headerBytes = 2 * 1024 * 1024;

function refuse(why: string): AirlockError {
  return new AirlockError("E_GIT_REFUSED", `the bundle ${why}`);
}

/**
 * Reads the beginning of a bundle. It was made by a git that the session could configure: one ref, the one asked for, plain
 * object ids and no capability but the kind of ids are taken, and nothing else (a filter would leave objects out).
 */
export function parseBundleHeader(start: Uint8Array, ref: string): BundleHeader {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.length);
  const end = bytes.indexOf("\n\n");
  if (end === -1) throw refuse("has no header, or one that is too long");
  const [first = "", ...lines] = decodePath(bytes.subarray(0, end)).split("\n");
  if (!/^# v[23] git bundle$/.test(first)) throw refuse("is none that is understood");
  const prerequisites: string[] = [];
  const tips: string[] = [];
  for (const line of lines) {
    const id = line.replace(/^-/, "").split(" ", 1)[0] ?? "";
    if (/^@object-format=sha(?:1|256)$/.test(line)) continue;
    if (!isObjectId(id)) throw refuse(`has a line that is not taken: ${escapeText(line.slice(0, 100))}`);
    if (line.startsWith("-")) prerequisites.push(id);
    else if (line.slice(id.length + 1) === ref) tips.push(id);
    else throw refuse(`brings a ref that was not asked for: ${escapeText(line.slice(0, 200))}`);
  }
  const [tip, ...others] = tips;
  if (tip === undefined || others.length > 0) throw refuse(`does not bring ${escapeText(ref)} once`);
  if (bytes.subarray(end + 2, end + 6).toString("latin1") !== "PACK") throw refuse("holds no pack");
  return { ref, tip, prerequisites, packOffset: end + 2 };
}
