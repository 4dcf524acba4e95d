import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { VolumeRequest } from "../model/engine.js";
import type { Layer, SnapshotReference } from "../model/session.js";

/** mount(2) takes one page of options; what is longer would be cut off. */
const maxOptionBytes = 4_000;

// The engine's `local` driver cuts its option string at commas, takes pieces that are names of mount flags as flags and puts
// the rest together again. A folder named `x,suid` would so lose a part of its name and gain a flag.
const flagNames = new Set(
  "ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand atime noatime diratime nodiratime bind rbind unbindable runbindable private rprivate shared rshared slave rslave relatime norelatime strictatime nostrictatime defaults".split(
    " ",
  ),
);

const refuse = (path: string, why: string): AirlockError =>
  new AirlockError("E_OVERLAY_PATH", `${displayPath(path)} cannot be the lower part of an overlay: ${why}`, {
    hint: "use --workspace upload, which copies it to the engine",
  });

const tooManyForks = (session: string, count: number): AirlockError =>
  new AirlockError("E_SESSION_STATE", `${session} would lie on ${count} snapshots, more than fit into one mount`, {
    hint: "apply what the first of them hold, and begin anew with airlock start",
  });

/** A path inside an overlay option: the kernel reads `\` before `:`, `,` and `\` as part of the name (fs/overlayfs/params.c). */
export function escapeOverlayPath(path: string): string {
  if (/[\udc80-\udcff]/.test(path)) throw refuse(path, "its name is not valid UTF-8");
  if (path.includes('"') || path.includes("\n")) throw refuse(path, "its name holds a quote or a line feed");
  const escaped = path.replace(/[\\,:]/g, "\\$&");
  const flag = escaped.split(",").find((piece) => flagNames.has(piece));
  if (flag !== undefined) throw refuse(path, `the engine would take "${flag}" in its name for a mount option`);
  return escaped;
}

/** Whether a path can be named in an overlay's options. */
export function fitsOverlay(path: string): boolean {
  try {
    return Buffer.byteLength(escapeOverlayPath(path)) < maxOptionBytes / 4;
  } catch {
    return false;
  }
}

/** Where a session's layers lie, as the engine sees it. */
export interface StorePlace {
  readonly mountpoint: string;
  readonly session: string;
  /** Of a fork: what lies below its layers, from the top down. */
  readonly below?: readonly SnapshotReference[];
}

/**
 * The volume that is a layer's mount: the session's writes over the base, with what is hidden between them. `lower` is what leads
 * to a host folder in place of its own path. The snapshots below a fork lie over what is hidden: they hold what agents wrote.
 */
export function layerVolumeRequest(
  { mountpoint, session, below = [] }: StorePlace,
  layer: Layer,
  labels: Readonly<Record<string, string>>,
  lower: readonly string[] | null = null,
): VolumeRequest {
  const folderOf = (id: string): string => escapeOverlayPath(`${mountpoint}/sessions/${id}`);
  const own = `${folderOf(session)}/layers/${layer.name}`;
  const snapshots = below.map((each) => `${folderOf(each.session)}/snapshots/${each.snapshot}/layers/${layer.name}`);
  const base =
    layer.base === "overlay" && layer.hostPath !== null
      ? (lower ?? [layer.hostPath]).map(escapeOverlayPath).join(":")
      : `${folderOf(below.at(-1)?.session ?? session)}/base/${layer.name}`;
  const options = [
    "nosuid",
    "nodev",
    `lowerdir=${[...snapshots, `${own}/mask`, base].join(":")}`,
    `upperdir=${own}/upper`,
    `workdir=${own}/work`,
    // An upper folder must mean the same to every reader: no file without its content, no folder that points elsewhere.
    "metacopy=off",
    "redirect_dir=off",
    "index=off",
  ].join(",");
  if (Buffer.byteLength(options) > maxOptionBytes) {
    if (below.length > 1) throw tooManyForks(session, below.length);
    throw refuse(layer.hostPath ?? own, "its path is too long");
  }
  return {
    name: layer.volume,
    labels: { ...labels, "airlock.role": "layer", "airlock.layer": layer.name },
    driverOptions: { type: "overlay", device: "overlay", o: options },
  };
}
