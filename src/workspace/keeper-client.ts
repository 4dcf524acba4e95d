import { AirlockError } from "../base/errors.js";
import type { ByteChannel } from "../model/engine.js";
import { dataFrame, dataFrameBytes, type Frame, jsonFrame, readFrames, writeFrame } from "./frames.js";
import {
  errorOf,
  type ListedEntry,
  parseAnswer,
  type SavedSnapshot,
  schemas,
  toLayerEntry,
  type Usage,
} from "./keeper-protocol.js";

/** Attributes of a folder that the keeper makes anew. Times are nanoseconds as decimal strings. */
export interface FolderAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: string;
}

export interface NewLayer extends FolderAttributes {
  readonly name: string;
}

export interface Masks {
  readonly folders: readonly (FolderAttributes & { readonly path: string })[];
  readonly hidden: readonly string[];
}

export interface NewSession {
  readonly session: string;
  readonly record: unknown;
  readonly layers: readonly NewLayer[];
  readonly masks: Readonly<Record<string, Masks>>;
}

/** An entry of a base on its way to the engine; a file's content follows it. */
export interface UploadEntry extends FolderAttributes {
  readonly path: string;
  readonly kind: "dir" | "file" | "symlink";
  readonly size?: number;
  readonly target?: string;
  readonly content?: AsyncIterable<Uint8Array>;
}

interface LayerName {
  readonly session: string;
  readonly layer: string;
}

interface SnapshotName {
  readonly session: string;
  readonly snapshot: string;
}

type Request = { readonly op: string } & Readonly<Record<string, unknown>>;

// A request with many paths is cut into several, each well below a frame's limit.
const pathsPerRequest = 64;

function* inGroups<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

/** Speaks with the keeper over one exec (docs/keeper-protocol.md). Requests wait for one another. */
export class KeeperClient implements AsyncDisposable {
  readonly #channel: ByteChannel;
  readonly #frames: AsyncGenerator<Frame, void, void>;
  #turn: Promise<unknown> = Promise.resolve();
  #problems = "";

  constructor(channel: ByteChannel) {
    this.#channel = channel;
    this.#frames = readFrames(channel.stdout);
    channel.stdin.on("error", () => undefined);
    channel.stderr?.on("data", (chunk: Buffer) => {
      this.#problems = `${this.#problems}${chunk.toString("utf8")}`.slice(-2_000);
    });
  }

  async hello(): Promise<void> {
    await this.#call({ op: "hello" });
  }

  async createSession(session: NewSession): Promise<void> {
    await this.#call({ op: "session.create", ...session });
  }

  async listSessions(): Promise<string[]> {
    const ids: string[] = [];
    for await (const message of this.#ask({ op: "session.list" })) {
      ids.push(...parseAnswer(schemas.sessions, message, "session.list").sessions);
    }
    return ids;
  }

  async sessionExists(session: string): Promise<boolean> {
    return parseAnswer(schemas.exists, await this.#call({ op: "session.exists", session }), "session.exists").exists;
  }

  async deleteSession(session: string): Promise<void> {
    await this.#call({ op: "session.delete", session });
  }

  /** Every entry of a layer, parents before children, names in byte order. */
  async *listLayer(name: LayerName): AsyncGenerator<ListedEntry, void, void> {
    for await (const message of this.#ask({ op: "layer.list", ...name })) {
      yield* parseAnswer(schemas.entries, message, "layer.list").entries.map(toLayerEntry);
    }
  }

  /** SHA-256 of regular files of a layer; what cannot be read is left out. */
  async hashFiles({ paths, ...name }: LayerName & { readonly paths: readonly string[] }): Promise<Map<string, string>> {
    const hashes = new Map<string, string>();
    for (const group of inGroups(paths, pathsPerRequest)) {
      for await (const message of this.#ask({ op: "layer.hash", ...name, paths: group })) {
        const { path, sha256 } = parseAnswer(schemas.hash, message, "layer.hash");
        if (sha256 !== null) hashes.set(path, sha256);
      }
    }
    return hashes;
  }

  /** The first bytes of regular files of a layer; what cannot be read is left out. */
  async readHeads({
    paths,
    bytes,
    ...name
  }: LayerName & { readonly paths: readonly string[]; readonly bytes: number }): Promise<Map<string, Uint8Array>> {
    const heads = new Map<string, Uint8Array>();
    for (const group of inGroups(paths, pathsPerRequest)) {
      for await (const message of this.#ask({ op: "layer.heads", ...name, paths: group, bytes })) {
        const { path, head } = parseAnswer(schemas.head, message, "layer.heads");
        if (head !== null) heads.set(path, Buffer.from(head, "base64"));
      }
    }
    return heads;
  }

  /** A regular file of a layer, whole; null when there is none or it is larger than `maxBytes`. */
  async readFile({
    maxBytes,
    ...name
  }: LayerName & { readonly path: string; readonly maxBytes: number }): Promise<Uint8Array | null> {
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for await (const data of this.#ask({ op: "layer.read", ...name, offset: 0, length: maxBytes + 1 })) {
        if (!Buffer.isBuffer(data)) continue;
        parts.push(Buffer.from(data));
        size += data.length;
      }
    } catch (error) {
      if (error instanceof AirlockError && error.cause === "not_found") return null;
      throw error;
    }
    return size > maxBytes ? null : Buffer.concat(parts);
  }

  async resetLayers({
    session,
    layers,
  }: {
    readonly session: string;
    readonly layers: readonly string[];
  }): Promise<void> {
    await this.#call({ op: "layer.reset", session, layers });
  }

  /** Sends a base, entry by entry, parents first. */
  async putBase(
    name: LayerName,
    entries: AsyncIterable<UploadEntry>,
  ): Promise<{ readonly entries: number; readonly bytes: number }> {
    const upload = async (): Promise<void> => {
      for await (const { content, ...header } of entries) {
        await this.#send(jsonFrame(header));
        if (content !== undefined) await this.#sendContent(content, header.size ?? 0, header.path);
      }
      await this.#send(jsonFrame({ end: true }));
    };
    const answer = await this.#call({ op: "base.put", ...name }, upload);
    return parseAnswer(schemas.uploaded, answer, "base.put");
  }

  async createSnapshot(
    wish: SnapshotName & { readonly layers: readonly string[]; readonly previous?: string },
  ): Promise<SavedSnapshot> {
    return parseAnswer(schemas.snapshot, await this.#call({ op: "snapshot.create", ...wish }), "snapshot.create");
  }

  async verifySnapshot(name: SnapshotName): Promise<SavedSnapshot> {
    return parseAnswer(schemas.snapshot, await this.#call({ op: "snapshot.verify", ...name }), "snapshot.verify");
  }

  async restoreSnapshot(wish: SnapshotName & { readonly layers: readonly string[] }): Promise<void> {
    await this.#call({ op: "snapshot.restore", ...wish });
  }

  async usage(session: string): Promise<Usage> {
    return parseAnswer(schemas.usage, await this.#call({ op: "usage", session }), "usage");
  }

  /** The usage again and again, until the client is disposed. The connection serves nothing else from then on. */
  async *watch(wish: { readonly session: string; readonly intervalMs: number }): AsyncGenerator<Usage, void, void> {
    for await (const message of this.#ask({ op: "watch", ...wish })) yield parseAnswer(schemas.usage, message, "watch");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#channel[Symbol.asyncDispose]());
  }

  // What was promised in an entry's header is what is sent: a file that grows or shrinks meanwhile must not shift the stream.
  async #sendContent(content: AsyncIterable<Uint8Array>, size: number, path: string): Promise<void> {
    let sent = 0;
    for await (const chunk of content) {
      const part = chunk.subarray(0, Math.min(chunk.length, size - sent));
      for (let at = 0; at < part.length; at += dataFrameBytes)
        await this.#send(dataFrame(part.subarray(at, at + dataFrameBytes)));
      sent += part.length;
      if (sent === size) return;
    }
    if (sent < size)
      throw new AirlockError("E_BASE_CHANGED", `${path} became shorter while it was uploaded`, { hint: "try again" });
  }

  #send(frame: Buffer): Promise<void> {
    return writeFrame(this.#channel.stdin, frame);
  }

  /** One request with one answer. */
  async #call(request: Request, upload?: () => Promise<void>): Promise<unknown> {
    const answers = this.#ask(request, upload);
    for (;;) {
      const { value, done } = await answers.next();
      if (done === true) return value;
    }
  }

  /** Sends a request when those before it are answered; yields what comes, returns the last message. */
  async *#ask(request: Request, upload?: () => Promise<void>): AsyncGenerator<unknown, unknown, void> {
    const before = this.#turn;
    const { promise, resolve } = withResolver();
    this.#turn = promise;
    await before;
    let finished = false;
    try {
      await this.#send(jsonFrame(request));
      await upload?.();
      for (;;) {
        const frame = await this.#next();
        if (frame.type === "D") {
          yield frame.data;
          continue;
        }
        const error = errorOf(frame.message, request.op);
        const done = (frame.message as { readonly done?: unknown } | null)?.done === true;
        finished = done || error !== null;
        if (error !== null) throw error;
        if (done) return frame.message;
        yield frame.message;
      }
    } finally {
      // A reader that stops early leaves answers in the stream: they are read away before the next request.
      if (!finished && request.op !== "watch") await this.#drain();
      resolve();
    }
  }

  async #next(): Promise<Frame> {
    try {
      const { value, done } = await this.#frames.next();
      if (done !== true) return value;
    } catch (error) {
      if (this.#problems === "" || !(error instanceof AirlockError)) throw error;
      throw new AirlockError(error.code, `${error.message}: ${this.#problems.trim().split("\n").at(-1)}`, {
        hint: error.hint,
        cause: error,
      });
    }
    throw new AirlockError("E_KEEPER_FAILED", "the keeper is gone");
  }

  async #drain(): Promise<void> {
    try {
      for (;;) {
        const frame = await this.#next();
        if (frame.type === "D") continue;
        if (errorOf(frame.message, "") !== null || (frame.message as { readonly done?: unknown } | null)?.done === true)
          return;
      }
    } catch {
      // Broken: the next request will say so.
    }
  }
}

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
