import { textOf } from "./capture.js";
import { imageType } from "./image-type.js";
import { type CallControl, grepFiles, listFolder, readBytes, readLines } from "./primitives.js";
import type { ReadOperation } from "./tool-call.js";
import { type ToolChannel, ToolRefusal } from "./tool-channel.js";

type Result = Readonly<Record<string, unknown>>;

const maxLinesBytes = 256 * 1024;
const maxImageBytes = 4 * 1024 * 1024;
const maxBinaryBytes = 24 * 1024;
const maxEntries = 5_000;
const maxFoundLines = 2_000;

async function readText(
  channel: ToolChannel,
  operation: ReadOperation & { mode: "line" },
  control: CallControl,
): Promise<Result> {
  const { path, start, end } = operation;
  const { bytes, cut, first, last, size } = await readLines(
    channel,
    { path, start, end, limit: maxLinesBytes },
    control,
  );
  const text = textOf(cut ? bytes.subarray(0, bytes.lastIndexOf(10) + 1 || bytes.length) : bytes);
  if (text === null) {
    const base64 = bytes.subarray(0, maxBinaryBytes).toString("base64");
    return { path, mode: "line", binary: true, size, base64, cut: bytes.length > maxBinaryBytes || cut };
  }
  const lastLine = cut ? first + text.split("\n").length - 2 : last;
  return { path, mode: "line", text, start_line: first, end_line: lastLine, size, cut };
}

async function readFolder(
  channel: ToolChannel,
  operation: ReadOperation & { mode: "directory" },
  control: CallControl,
): Promise<Result> {
  const { path, depth, ignore } = operation;
  const { entries, cut } = await listFolder(channel, { path, depth, ignore, limit: maxEntries }, control);
  return { path, mode: "directory", entries, cut };
}

async function searchFile(
  channel: ToolChannel,
  operation: ReadOperation & { mode: "search" },
  control: CallControl,
): Promise<Result> {
  const { path, pattern, context } = operation;
  const wish = { path, pattern, context, fixed: true, ignoreCase: true, include: "", mode: "content" } as const;
  const limits = { perFile: maxFoundLines, limit: maxFoundLines, depth: 64 };
  const { lines, matches, cut } = await grepFiles(channel, { ...wish, ...limits }, control);
  return {
    path,
    mode: "search",
    matches,
    lines: lines.map(({ line, isMatch, text }) => ({ line, match: isMatch, text })),
    cut,
  };
}

async function readImage(channel: ToolChannel, path: string, control: CallControl): Promise<Result> {
  const { bytes, size } = await readBytes(channel, path, maxImageBytes, control);
  const type = imageType(bytes);
  if (type === null) throw new ToolRefusal("EINVAL", "is no PNG, JPEG, GIF or WebP image");
  if (size > bytes.length) throw new ToolRefusal("EFBIG", `is larger than ${maxImageBytes / 1024 / 1024} MB`);
  return { path, mode: "image", media_type: type, size, base64: bytes.toString("base64") };
}

function readOne(channel: ToolChannel, operation: ReadOperation, control: CallControl): Promise<Result> {
  if (operation.mode === "line") return readText(channel, operation, control);
  if (operation.mode === "directory") return readFolder(channel, operation, control);
  if (operation.mode === "search") return searchFile(channel, operation, control);
  return readImage(channel, operation.path, control);
}

/** Reads, all at once. What cannot be read says so in its place, unless it is all that was asked for. */
export async function runRead(
  channel: ToolChannel,
  wanted: readonly ReadOperation[],
  control: CallControl,
): Promise<Result> {
  const results = await Promise.all(
    wanted.map(async (operation) => {
      try {
        return await readOne(channel, operation, control);
      } catch (error) {
        // A link is for the caller: where it leads has to be decided on.
        if (wanted.length === 1 || !(error instanceof ToolRefusal) || error.code === "ELOOP") throw error;
        return { path: operation.path, mode: operation.mode, error: `${error.code}: ${error.message}` };
      }
    }),
  );
  return { results };
}
