import type { KeyQueue } from "./key-queue.js";
import { type CallControl, readBytes, writeBytes } from "./primitives.js";
import type { WriteChange } from "./tool-call.js";
import { type ToolChannel, ToolRefusal } from "./tool-channel.js";

const maxFileBytes = 8 * 1024 * 1024;
/** Somebody else inside may write the same file meanwhile. */
const maxTries = 5;

function placesOf(content: Buffer, wanted: Buffer): number[] {
  const places: number[] = [];
  for (let at = content.indexOf(wanted); at !== -1; at = content.indexOf(wanted, at + wanted.length)) places.push(at);
  return places;
}

const lineOf = (content: Buffer, at: number): number => content.subarray(0, at).toString("latin1").split("\n").length;

function replaceText(content: Buffer, { old, text, all }: WriteChange & { command: "str_replace" }): Buffer {
  const wanted = Buffer.from(old);
  const places = placesOf(content, wanted);
  if (places.length === 0) {
    const crlf = content.includes("\r\n") && !old.includes("\r\n") && old.includes("\n");
    throw new ToolRefusal("ENOMATCH", `old_str is not in the file${crlf ? ", whose lines end with CR LF" : ""}`);
  }
  if (places.length > 1 && !all) {
    const lines = places.slice(0, 10).map((at) => lineOf(content, at));
    const more = places.length > lines.length ? ", …" : "";
    throw new ToolRefusal(
      "EMATCHES",
      `old_str is in the file ${places.length} times (lines ${lines.join(", ")}${more}): give more of what is around it`,
    );
  }
  const parts: Buffer[] = [];
  let from = 0;
  for (const at of places) {
    parts.push(content.subarray(from, at), Buffer.from(text));
    from = at + wanted.length;
  }
  return Buffer.concat([...parts, content.subarray(from)]);
}

// After which byte a line goes; a file without a feed at its end gets one first.
function insertText(content: Buffer, { line, text }: WriteChange & { command: "insert" }): Buffer {
  let at = 0;
  for (let number = 0; number < line; number += 1) {
    if (at >= content.length) throw new ToolRefusal("EINVAL", `the file has only ${number} lines`);
    const feed = content.indexOf(10, at);
    at = feed === -1 ? content.length : feed + 1;
  }
  const needsFeed = at > 0 && content[at - 1] !== 10;
  const added = text.endsWith("\n") || text === "" ? text : `${text}\n`;
  return Buffer.concat([
    content.subarray(0, at),
    Buffer.from(`${needsFeed ? "\n" : ""}${added}`),
    content.subarray(at),
  ]);
}

function appendText(content: Buffer, { text }: WriteChange & { command: "append" }): Buffer {
  const needsFeed = content.length > 0 && content.at(-1) !== 10;
  return Buffer.concat([content, Buffer.from(`${needsFeed ? "\n" : ""}${text}`)]);
}

function changed(content: Buffer, change: WriteChange): Buffer {
  if (change.command === "str_replace") return replaceText(content, change);
  if (change.command === "insert") return insertText(content, change);
  return change.command === "append" ? appendText(content, change) : Buffer.from(change.text);
}

async function changeOnce(channel: ToolChannel, path: string, change: WriteChange, control: CallControl) {
  const { bytes, size, identity } = await readBytes(channel, path, maxFileBytes, control);
  if (size > bytes.length) throw new ToolRefusal("EFBIG", `is larger than ${maxFileBytes / 1024 / 1024} MB`);
  const content = changed(bytes, change);
  if (content.length > maxFileBytes) throw new ToolRefusal("EFBIG", "would be larger than 8 MB");
  await writeBytes(channel, { path, expect: identity, content });
  return { path, command: change.command, created: false, size: content.length };
}

/** Changes one file: all of it or nothing, and only the file that was read. Changes through one queue wait for each other. */
export function runWrite(
  channel: ToolChannel,
  { path, change, queue }: { readonly path: string; readonly change: WriteChange; readonly queue: KeyQueue },
  control: CallControl,
): Promise<Readonly<Record<string, unknown>>> {
  return queue.run(path, async () => {
    if (change.command === "create") {
      const content = Buffer.from(change.text);
      const { created } = await writeBytes(channel, { path, expect: "", content });
      return { path, command: change.command, created, size: content.length };
    }
    for (let tries = 1; ; tries += 1) {
      try {
        return await changeOnce(channel, path, change, control);
      } catch (error) {
        if (!(error instanceof ToolRefusal) || error.code !== "ESTALE" || tries === maxTries) throw error;
      }
    }
  });
}
