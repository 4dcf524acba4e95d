import type { Readable } from "node:stream";
import { encodePath } from "../../base/byte-path.js";
import { AirlockError } from "../../base/errors.js";
import type { Secret } from "../../base/secret.js";

/** What `/airlock/init` is told once the wall is proved (docs/formats.md, "The release frame"). */
export interface Release {
  readonly mode: "run" | "hold";
  readonly cwd: string;
  readonly env: ReadonlyMap<string, Secret | string>;
  readonly args: readonly string[];
}

const magic = "AIRLOCK1 ";
const maxLineBytes = 4 * 1024 * 1024;

/** The frame as bytes. Environment values travel here and nowhere else: not in the container's configuration, an argument or a label. */
export function releaseFrame({ mode, cwd, env, args }: Release): Buffer {
  const variables = [...env].map(
    ([name, value]) => `env=${name}=${typeof value === "string" ? value : value.reveal()}`,
  );
  const records = [`mode=${mode}`, `cwd=${cwd}`, ...variables, ...args.map((argument) => `arg=${argument}`)];
  if (records.some((record) => record.includes("\0"))) {
    throw new AirlockError("E_USAGE", "an argument or an environment variable holds a NUL byte");
  }
  const body = Buffer.concat(records.flatMap((record) => [encodePath(record), Buffer.from([0])]));
  return Buffer.concat([Buffer.from(`${magic}${body.length}\n`), body]);
}

interface Reading {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What to say when the stream ends before the line. */
  readonly onEnd: () => AirlockError;
}

/** Reads init's one line from the start of its output, leaving every byte after it in the stream. */
export async function readInitLine(stream: Readable, { timeoutMs, signal, onEnd }: Reading): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const parts: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) {
      if (stream.readableEnded || stream.destroyed) throw onEnd();
      await nextReadable(stream, limit, onEnd);
      continue;
    }
    const end = chunk.indexOf(10);
    parts.push(end === -1 ? chunk : chunk.subarray(0, end));
    size += chunk.length;
    if (end === -1 && size <= maxLineBytes) continue;
    if (end === -1) throw new AirlockError("E_WALL_UNPROVED", "the sandbox's first line is longer than 4 MiB");
    if (end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1));
    const line = Buffer.concat(parts).toString("utf8").replace(/\r$/, "");
    if (!line.startsWith(magic)) throw onEnd();
    return line.slice(magic.length);
  }
}

function nextReadable(stream: Readable, signal: AbortSignal, onEnd: () => AirlockError): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => (): void => {
      stream.off("readable", onReadable).off("end", onClose).off("close", onClose).off("error", onClose);
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onReadable = finish(resolve);
    const onClose = finish(() => reject(onEnd()));
    const onAbort = finish(() => {
      const late = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
      reject(
        late
          ? new AirlockError("E_WALL_UNPROVED", "the sandbox did not answer in time")
          : new AirlockError("E_CANCELLED", "interrupted"),
      );
    });
    stream.once("readable", onReadable).once("end", onClose).once("close", onClose).once("error", onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
