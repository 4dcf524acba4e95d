import type { Change } from "../model/change.js";
import { commitBytes, hashObject, type ParsedCommit, parseCommit, readLooseObject } from "./commit.js";
import { type Pack, readPackedCommit } from "./pack-entry.js";
import { parsePackIndex } from "./pack-index.js";
import type { ReadFile } from "./report.js";

/** The largest pack and index that are read; larger ones are said not to be. */
const packBytes = 32 * 1024 * 1024;
const indexBytes = 8 * 1024 * 1024;
const maxPacks = 8;

/** What the session's own objects tell of an id. */
export type FoundCommit =
  | { readonly kind: "commit"; readonly commit: ParsedCommit }
  /** The session made no such object that could be read: it is the host's, or in a pack that was too large. */
  | { readonly kind: "absent" }
  | { readonly kind: "broken"; readonly why: string };

const loosePath = /^\.git\/objects\/([0-9a-f]{2})\/([0-9a-f]{38}|[0-9a-f]{62})$/;
const packPath = /^\.git\/objects\/pack\/(pack-[0-9a-f]{40,64})\.(pack|idx)$/;

/** The objects that a session made, loose or packed, read one at a time and within bounds. */
export class LayerObjects {
  readonly #read: ReadFile;
  readonly #loose = new Map<string, string>();
  readonly #packs = new Map<string, { pack?: number; idx?: number }>();
  #loaded: Promise<readonly Pack[]> | null = null;
  readonly #unread: string[] = [];

  constructor(changes: readonly Change[], read: ReadFile) {
    this.#read = read;
    for (const { path, after } of changes) {
      if (after?.type !== "file") continue;
      const [, folder, rest] = loosePath.exec(path) ?? [];
      if (folder !== undefined) this.#loose.set(`${folder}${rest}`, path);
      const [, name, kind] = packPath.exec(path) ?? [];
      if (name !== undefined) this.#packs.set(name, { ...this.#packs.get(name), [kind ?? ""]: after.size });
    }
  }

  /** Names of packs that were too large, too many or malformed to be looked into. */
  async unreadPacks(): Promise<readonly string[]> {
    if (this.#packs.size > 0) await this.#load();
    return this.#unread;
  }

  async find(id: string): Promise<FoundCommit> {
    const path = this.#loose.get(id);
    if (path !== undefined) {
      const file = await this.#read(path, commitBytes);
      if (file === null) return { kind: "broken", why: "is too large for a commit" };
      const found = readLooseObject(id, file);
      return found.kind === "other" ? { kind: "broken", why: "is no commit" } : found;
    }
    return this.#packs.size === 0 ? { kind: "absent" } : await this.#findPacked(id);
  }

  async #findPacked(id: string): Promise<FoundCommit> {
    for (const pack of await this.#load()) {
      const offset = pack.index.offsetOf(id);
      if (offset === null) continue;
      const body = readPackedCommit(pack, offset, id.length / 2, commitBytes);
      if (body === null) return { kind: "broken", why: "is no commit, or cannot be unpacked" };
      if (hashObject("commit", body, id) !== id) return { kind: "broken", why: "does not hold what its name says" };
      const commit = parseCommit(id, body);
      return commit === null ? { kind: "broken", why: "has not the form of a commit" } : { kind: "commit", commit };
    }
    return { kind: "absent" };
  }

  #load(): Promise<readonly Pack[]> {
    this.#loaded ??= this.#readPacks();
    return this.#loaded;
  }

  async #readPacks(): Promise<readonly Pack[]> {
    const packs: Pack[] = [];
    let room = packBytes;
    for (const [name, { pack = Number.POSITIVE_INFINITY, idx = Number.POSITIVE_INFINITY }] of this.#packs) {
      const fits = pack <= room && idx <= indexBytes && packs.length < maxPacks;
      const found = fits ? await this.#readPack(name) : null;
      if (found === null) this.#unread.push(name);
      else {
        packs.push(found);
        room -= pack;
      }
    }
    return packs;
  }

  async #readPack(name: string): Promise<Pack | null> {
    const path = `.git/objects/pack/${name}`;
    const file = await this.#read(`${path}.idx`, indexBytes);
    // The name of a pack is a hash of the same kind as its objects'.
    const index = file === null ? null : parsePackIndex(file, name.length > 60 ? 32 : 20);
    const bytes = index === null ? null : await this.#read(`${path}.pack`, packBytes);
    if (index === null || bytes === null) return null;
    return { index, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) };
  }
}
