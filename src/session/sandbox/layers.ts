import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { encodePath } from "../../base/byte-path.js";
import { AirlockError } from "../../base/errors.js";
import type { HomeFile } from "../../model/agent.js";
import type { Engine, VolumeRequest } from "../../model/engine.js";
import type { HiddenFile, Layer, SessionRecord } from "../../model/session.js";
import { type ScanRequest, type SecretScan, scanForSecrets } from "../../policy/mask-scan.js";
import type { Masks, NewLayer, UploadEntry } from "../../workspace/keeper-client.js";
import { layerVolumeRequest } from "../../workspace/layers.js";
import { uploadEntries } from "../../workspace/upload.js";
import { createOwnVolume } from "../keeper.js";
import type { ForkOrigin } from "../plan.js";
import type { Workbench } from "../workbench.js";
import { lowerFolders, openApproved } from "./bases.js";

interface MaskRules {
  readonly mask: readonly string[];
  readonly unmask: readonly string[];
  readonly fork?: ForkOrigin | undefined;
}

/** Looks for secrets in everything that will lie under a layer. The result is by the layer's name. */
export async function scanLayers(
  bench: Workbench,
  record: SessionRecord,
  { mask, unmask, fork }: MaskRules,
): Promise<Map<string, SecretScan>> {
  const cache = join(bench.home.path, "cache");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const scans = new Map<string, SecretScan>();
  for (const layer of record.layers) {
    const { name, hostPath } = layer;
    if (hostPath === null) continue;
    using folder = openApproved(record, hostPath);
    const cachePath = join(cache, createHash("sha256").update(encodePath(hostPath)).digest("hex").slice(0, 24));
    const request = { root: hostPath, through: folder.path, mask, unmask, cachePath, signal: bench.signal };
    scans.set(
      name,
      fork === undefined ? await scanForSecrets(request) : await scanForFork(request, layer, fork.parent),
    );
  }
  return scans;
}

// What leads to exactly one path, whatever its name holds.
const exactly = (path: string): string => `/${path.replace(/[\\*?[\]{},!]/g, "\\$&")}`;

/** A fork hides what its parent hid, and what has come since. Its uploaded base is the parent's, where nothing has come. */
async function scanForFork(request: ScanRequest, layer: Layer, parent: SessionRecord): Promise<SecretScan> {
  const before = layer.name === "workspace" ? "" : `${layer.hostPath}/`;
  const inherited = parent.hidden
    .filter(({ path }) => (before === "" ? !path.startsWith("/") : path.startsWith(before)))
    .map(({ path, rule }) => ({ path: path.slice(before.length), rule }));
  if (layer.base === "upload") return { hidden: inherited, folders: [], scanned: 0 };
  const scan = await scanForSecrets(request);
  const found = new Set(scan.hidden.map(({ path }) => path));
  const missing = inherited.filter(({ path }) => !found.has(path));
  if (missing.length === 0) return scan;
  const mask = [...request.mask, ...missing.map(({ path }) => exactly(path))];
  const again = await scanForSecrets({ ...request, mask, cachePath: null });
  const rules = new Map(missing.map(({ path, rule }) => [path, rule]));
  return { ...again, hidden: again.hidden.map(({ path, rule }) => ({ path, rule: rules.get(path) ?? rule })) };
}

/** What the scans hid, as the record names it. */
export function hiddenFiles(layers: readonly Layer[], scans: ReadonlyMap<string, SecretScan>): HiddenFile[] {
  return layers.flatMap(({ name, hostPath }) =>
    (scans.get(name)?.hidden ?? []).map(({ path, rule }) => ({
      path: name === "workspace" ? path : `${hostPath}/${path}`,
      rule,
    })),
  );
}

async function rootOf({ name, hostPath }: Layer, { uid, gid }: SessionRecord): Promise<NewLayer> {
  if (hostPath === null) return { name, mode: 0o700, uid, gid, mtimeNs: "0" };
  const stat = await lstat(encodePath(hostPath), { bigint: true });
  return {
    name,
    mode: Number(stat.mode & 0o777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeNs: stat.mtimeNs.toString(),
  };
}

function masksOf(layers: readonly Layer[], scans: ReadonlyMap<string, SecretScan>): Record<string, Masks> {
  // An uploaded base does not hold what is hidden, so nothing has to hide it.
  const masked = layers.filter(({ base }) => base === "overlay");
  return Object.fromEntries(
    masked.map(({ name }) => {
      const { folders = [], hidden = [] } = scans.get(name) ?? {};
      return [name, { folders, hidden: hidden.map(({ path }) => path) }];
    }),
  );
}

async function uploadBases(
  bench: Workbench,
  record: SessionRecord,
  scans: ReadonlyMap<string, SecretScan>,
): Promise<void> {
  // A fork has its parent's.
  if (record.lower !== undefined) return;
  const keeper = await bench.keeper();
  for (const { name, base, hostPath } of record.layers) {
    if (base !== "upload" || hostPath === null) continue;
    const hidden = new Set((scans.get(name)?.hidden ?? []).map(({ path }) => path));
    const onProgress = (entries: number, bytes: number): void =>
      bench.surroundings.onProgress("uploading the project", `${entries} entries, ${Math.round(bytes / 1e6)} MB`);
    using folder = openApproved(record, hostPath);
    await keeper.putBase(
      { session: record.id, layer: name },
      uploadEntries(folder.path, { hidden, signal: bench.signal, onProgress }),
    );
  }
}

// Names are the engine's, ids a state folder's: with `--name`, two of them may choose the same one.
async function createLayerVolume(engine: Engine, request: VolumeRequest): Promise<void> {
  try {
    await createOwnVolume(engine, request);
  } catch (cause) {
    const { "airlock.session": session, "airlock.home": home } =
      (await engine.inspectVolume(request.name).catch(() => null))?.labels ?? {};
    if (session !== request.labels["airlock.session"] || home === request.labels["airlock.home"]) throw cause;
    throw new AirlockError("E_SESSION_STATE", `the engine has a session "${session}" of another state folder already`, {
      hint: "give this one another --name",
      cause,
    });
  }
}

/** The volumes of a session's layers; making one that is there already changes nothing. */
export async function createLayerVolumes(bench: Workbench, record: SessionRecord): Promise<void> {
  const [engine, keeper] = await Promise.all([bench.engine(), bench.keeperContainer()]);
  const labels = { "airlock.home": bench.home.id, "airlock.session": record.id };
  const place = { mountpoint: keeper.store, session: record.id, below: record.lower ?? [] };
  await Promise.all(
    record.layers.map(async (layer) => {
      const lower = await lowerFolders(bench, record.id, layer);
      await createLayerVolume(engine, layerVolumeRequest(place, layer, labels, lower));
    }),
  );
}

async function* piece(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* homeEntries(files: readonly HomeFile[], { uid, gid }: SessionRecord): AsyncGenerator<UploadEntry> {
  const own = { uid, gid, mtimeNs: `${Date.now()}000000` };
  const folders = files.flatMap(({ path }) => {
    const names = path.split("/").slice(0, -1);
    return names.map((_, depth) => names.slice(0, depth + 1).join("/"));
  });
  for (const path of new Set(folders)) yield { ...own, path, kind: "dir", mode: 0o700 };
  for (const { path, content } of files) {
    const bytes = Buffer.from(content);
    yield { ...own, path, kind: "file", mode: 0o600, size: bytes.length, content: piece(bytes) };
  }
}

/** Makes what a session's volumes mount: folders, masks, uploaded bases, and what its home holds from the beginning. */
export async function createLayers(
  bench: Workbench,
  record: SessionRecord,
  scans: ReadonlyMap<string, SecretScan>,
  home: readonly HomeFile[],
): Promise<void> {
  const layers = await Promise.all(record.layers.map((layer) => rootOf(layer, record)));
  const keeper = await bench.keeper();
  const masks = masksOf(record.layers, scans);
  await keeper.createSession({ session: record.id, record, layers, masks, lower: record.lower });
  await uploadBases(bench, record, scans);
  if (home.length > 0) await keeper.putBase({ session: record.id, layer: "home" }, homeEntries(home, record));
}
