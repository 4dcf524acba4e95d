import { AirlockError } from "../base/errors.js";
import type { ByteChannel } from "../model/engine.js";
import { type FetchedFile, fetchedFiles } from "./fetch.js";
import { KeeperChannel, type Upload } from "./keeper-channel.js";
import {
  parseAnswer,
  type SavedSnapshot,
  type SavedUsage,
  schemas,
  type Usage,
  type WatchedUsage,
} from "./keeper-protocol.js";
import { type ListedEntry, listedEntries } from "./listed-entries.js";

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
  /** Snapshots of others that lie below its layers, from the top down. */
  readonly lower?: readonly SnapshotName[] | undefined;
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

// A request with many paths is cut into several, each well below a frame's limit.
const pathsPerRequest = 64;
const pathsPerFetch = 1000;

function* inGroups<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

/** Speaks with the keeper over one exec (docs/keeper-protocol.md). Requests wait for one another. */
export class KeeperClient implements AsyncDisposable {
  readonly #channel: KeeperChannel;

  constructor(channel: ByteChannel) {
    this.#channel = new KeeperChannel(channel);
  }

  async hello(): Promise<void> {
    await this.#channel.call({ op: "hello" });
  }

  async createSession(session: NewSession): Promise<void> {
    await this.#channel.call({ op: "session.create", ...session });
  }

  async listSessions(): Promise<string[]> {
    const ids: string[] = [];
    for await (const message of this.#channel.ask({ op: "session.list" })) {
      ids.push(...parseAnswer(schemas.sessions, message, "session.list").sessions);
    }
    return ids;
  }

  async sessionExists(session: string): Promise<boolean> {
    return parseAnswer(schemas.exists, await this.#channel.call({ op: "session.exists", session }), "session.exists")
      .exists;
  }

  async deleteSession(session: string): Promise<void> {
    await this.#channel.call({ op: "session.delete", session });
  }

  /**
   * Every entry of a layer, parents before children, names in byte order; in groups, as they come. With `contents`, files of
   * at most so many bytes (and 65,536) come with all of theirs.
   */
  listLayer(name: LayerName & { readonly contents?: number }): AsyncGenerator<readonly ListedEntry[], void, void> {
    return listedEntries(this.#channel.ask({ op: "layer.list", ...name }));
  }

  /** SHA-256 of regular files of a layer; what cannot be read is left out. */
  async hashFiles({ paths, ...name }: LayerName & { readonly paths: readonly string[] }): Promise<Map<string, string>> {
    const hashes = new Map<string, string>();
    for (const group of inGroups(paths, pathsPerRequest)) {
      for await (const message of this.#channel.ask({ op: "layer.hash", ...name, paths: group })) {
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
      for await (const message of this.#channel.ask({ op: "layer.heads", ...name, paths: group, bytes })) {
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
  }: LayerName & {
    readonly path: string;
    readonly maxBytes: number;
    readonly from?: "base";
  }): Promise<Uint8Array | null> {
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for await (const data of this.#channel.ask({ op: "layer.read", ...name, offset: 0, length: maxBytes + 1 })) {
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

  /** The contents of regular files of a layer, or of its uploaded base, in the order of `paths`. */
  async *fetchFiles({
    paths,
    ...name
  }: LayerName & { readonly paths: readonly string[]; readonly from?: "base" }): AsyncGenerator<
    FetchedFile,
    void,
    void
  > {
    for (const group of inGroups(paths, pathsPerFetch)) {
      yield* fetchedFiles(this.#channel.ask({ op: "layer.fetch", ...name, paths: group }));
    }
  }

  async resetLayers({
    session,
    layers,
  }: {
    readonly session: string;
    readonly layers: readonly string[];
  }): Promise<void> {
    await this.#channel.call({ op: "layer.reset", session, layers });
  }

  /** Sends a base, entry by entry, parents first. */
  async putBase(
    name: LayerName,
    entries: AsyncIterable<UploadEntry>,
  ): Promise<{ readonly entries: number; readonly bytes: number }> {
    const upload: Upload = async (send) => {
      for await (const { content, ...header } of entries) {
        if (!(await send.message(header))) return;
        if (content !== undefined && !(await sendContent(send, content, header))) return;
      }
    };
    const answer = await this.#channel.call({ op: "base.put", ...name }, upload);
    return parseAnswer(schemas.uploaded, answer, "base.put");
  }

  /** Replaces the store's copy of a session's record, from which a lost one can be rebuilt. */
  async writeRecord(session: string, record: unknown): Promise<void> {
    await this.#channel.call({ op: "session.record", session, record });
  }

  async readRecord(session: string): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#channel.call({ op: "session.record", session });
    return parseAnswer(schemas.record, answer, "session.record").record;
  }

  /** Hides more of a layer's base; only before the layer is first mounted. */
  async addMasks({ masks, ...name }: LayerName & { readonly masks: Masks }): Promise<void> {
    await this.#channel.call({ op: "layer.mask", ...name, masks });
  }

  async createSnapshot(
    wish: SnapshotName & { readonly layers: readonly string[]; readonly previous?: string },
  ): Promise<SavedSnapshot> {
    return parseAnswer(
      schemas.snapshot,
      await this.#channel.call({ op: "snapshot.create", ...wish }),
      "snapshot.create",
    );
  }

  /** Reads a snapshot again and compares it with its manifest, and the manifest with its SHA-256 when that is given. */
  async verifySnapshot(name: SnapshotName & { readonly manifestSha256?: string }): Promise<SavedSnapshot> {
    return parseAnswer(
      schemas.snapshot,
      await this.#channel.call({ op: "snapshot.verify", ...name }),
      "snapshot.verify",
    );
  }

  /** Replaces the layers by a verified copy. They must not be mounted. */
  async restoreSnapshot(
    wish: SnapshotName & { readonly layers: readonly string[]; readonly manifestSha256?: string },
  ): Promise<void> {
    await this.#channel.call({ op: "snapshot.restore", ...wish });
  }

  async listSnapshots(session: string): Promise<readonly string[]> {
    const answer = await this.#channel.call({ op: "snapshot.list", session });
    return parseAnswer(schemas.snapshots, answer, "snapshot.list").snapshots;
  }

  async deleteSnapshot(name: SnapshotName): Promise<void> {
    await this.#channel.call({ op: "snapshot.delete", ...name });
  }

  async usage(session: string): Promise<Usage> {
    const answer = await this.#channel.call({ op: "usage", session });
    return parseAnswer(schemas.usage, answer, "usage");
  }

  /** Two stamps of layers are the same only when nothing was written into them in between; `entries`: how much they hold. */
  async stampLayers(wish: {
    readonly session: string;
    readonly layers: readonly string[];
  }): Promise<{ readonly stamp: string; readonly entries: number }> {
    return parseAnswer(schemas.stamp, await this.#channel.call({ op: "layer.stamp", ...wish }), "layer.stamp");
  }

  async savedUsage(session: string): Promise<SavedUsage> {
    return parseAnswer(schemas.saved, await this.#channel.call({ op: "usage.saved", session }), "usage.saved");
  }

  /** The usage again and again, until the client is disposed. The connection serves nothing else from then on. */
  async *watch(wish: {
    readonly session: string;
    readonly intervalMs: number;
    readonly limitBytes?: number;
    readonly reserveBytes?: number;
  }): AsyncGenerator<WatchedUsage, void, void> {
    for await (const message of this.#channel.ask({ op: "watch", ...wish }))
      yield parseAnswer(schemas.watch, message, "watch");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#channel[Symbol.asyncDispose]();
  }
}

// What was promised in an entry's header is what is sent: a file that grows or shrinks meanwhile must not shift the stream.
async function sendContent(
  send: Parameters<Upload>[0],
  content: AsyncIterable<Uint8Array>,
  { size = 0, path }: { readonly size?: number; readonly path: string },
): Promise<boolean> {
  let sent = 0;
  for await (const chunk of content) {
    const part = chunk.subarray(0, Math.min(chunk.length, size - sent));
    if (!(await send.data(part))) return false;
    sent += part.length;
    if (sent === size) return true;
  }
  if (sent === size) return true;
  throw new AirlockError("E_BASE_CHANGED", `${path} became shorter while it was uploaded`, { hint: "try again" });
}
