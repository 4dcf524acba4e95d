import { closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import { access, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodePath } from "../../base/byte-path.js";
import { AirlockError, isAirlockError } from "../../base/errors.js";
import { displayPath } from "../../base/escape.js";
import { newToken } from "../../base/ids.js";
import { hasDescriptorPaths } from "../../base/safe-folders.js";
import type { Layer, SessionRecord } from "../../model/session.js";
import { fitsOverlay } from "../../workspace/layers.js";
import { sessionFolder } from "../home.js";
import type { RunningKeeper } from "../keeper.js";
import type { Workbench } from "../workbench.js";

const openPath = 0o10000000;

/** The folders that go under a session's layers, held open while its sandbox starts. */
export interface HeldBases extends Disposable {
  /** After a start that succeeded: from now on nothing but held folders will do. */
  confirm(): Promise<void>;
  /** After one that failed: whether it can be tried again, with folders that are named by their paths. */
  loosen(): Promise<boolean>;
}

function overlaid(record: Pick<SessionRecord, "layers">): Layer[] {
  return record.layers.filter(({ base, hostPath }) => base === "overlay" && hostPath !== null);
}

function linkFolder(bench: Workbench, session: string): string {
  return join(sessionFolder(bench.home, session), "bases");
}

function canLink(bench: Workbench, session: string, keeper: RunningKeeper): boolean {
  return keeper.sharesFiles && hasDescriptorPaths() && fitsOverlay(linkFolder(bench, session));
}

/**
 * What a layer's mount has as its lower folders, from the top down: links in the state folder, which every start points anew at
 * folders that it holds open. Null where the engine does not see this machine's files: then the folder's own path.
 */
export async function lowerFolders(bench: Workbench, session: string, layer: Layer): Promise<readonly string[] | null> {
  if (overlaid({ layers: [layer] }).length === 0) return null;
  if (!canLink(bench, session, await bench.keeperContainer())) return null;
  const link = join(linkFolder(bench, session), layer.name);
  return [link, `${link}.proof`];
}

/** Removes the links of a session whose mounts are gone. */
export async function forgetBases(bench: Workbench, session: string): Promise<void> {
  await rm(linkFolder(bench, session), { recursive: true, force: true });
}

function approvedIdentity({ project, paths }: SessionRecord, hostPath: string): string {
  const approved =
    hostPath === project.path ? project : paths.find((path) => path.mode === "cow" && path.hostPath === hostPath);
  return approved === undefined ? "none" : `${approved.device}:${approved.inode}`;
}

// What counts is which folder is held, not by which way it was reached.
function holdFolder(record: SessionRecord, hostPath: string): number {
  const expected = approvedIdentity(record, hostPath);
  let found = "nothing";
  try {
    const handle = openSync(encodePath(hostPath), openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const { dev, ino } = fstatSync(handle, { bigint: true });
    if (`${dev}:${ino}` === expected) return handle;
    closeSync(handle);
    found = `${dev}:${ino}`;
  } catch {
    found = "no folder";
  }
  throw new AirlockError(
    "E_WALL_UNPROVED",
    `the folder under ${displayPath(hostPath)} is not what was approved: expected ${expected}, found ${found}`,
    { hint: "it was replaced or moved: bring it back, or discard the session and begin another" },
  );
}

/** A way to a session's host folder that leads to what was approved, whatever its path leads to meanwhile. */
export function openApproved(record: SessionRecord, hostPath: string): Disposable & { readonly path: string } {
  if (!hasDescriptorPaths()) return { path: hostPath, [Symbol.dispose]: () => undefined };
  const handle = holdFolder(record, hostPath);
  // The dot: the link in /proc is followed also by who follows none.
  return { path: `/proc/self/fd/${handle}/.`, [Symbol.dispose]: () => closeSync(handle) };
}

async function point(link: string, target: Buffer | string): Promise<void> {
  await rm(link, { force: true });
  await symlink(target, link);
}

// A process id means something only within its namespace.
function markerOf(socketFolder: string): string {
  return join(socketFolder, `held-${readlinkSync("/proc/self/ns/pid").replace(/\D/g, "")}`);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Points the links of a session's layers at the folders that were approved, by handles of this process. A folder that is swapped
 * for another, or for a link, between the check and the mount (threat: TOCTOU at start) is not what the engine mounts.
 *
 * The engine resolves `/proc/<our id>/fd/<n>` by itself; where it numbers processes otherwise than we do, that would be some
 * other process's. So each mount has one more lower folder, at the bottom and empty, whose random name is found only through
 * another handle of this same process: no mount succeeds elsewhere.
 */
export async function holdBases(bench: Workbench, record: SessionRecord): Promise<HeldBases | null> {
  const layers = overlaid(record);
  const keeper = await bench.keeperContainer();
  if (layers.length === 0 || keeper.socketFolder === null || !canLink(bench, record.id, keeper)) return null;
  const folder = linkFolder(bench, record.id);
  const proof = `empty-${newToken(8)}`;
  // Those of earlier starts stay: a mount that is still in use cannot list a folder of which one part was deleted.
  await mkdir(join(folder, proof), { recursive: true, mode: 0o700 });
  const marker = markerOf(keeper.socketFolder);
  const handles: number[] = [];
  const close = (): void => handles.splice(0).forEach((handle) => void closeSync(handle));
  try {
    handles.push(openSync(folder, openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW));
    for (const { name, hostPath } of layers) {
      const handle = holdFolder(record, hostPath ?? "");
      handles.push(handle);
      await point(join(folder, name), `/proc/${process.pid}/fd/${handle}`);
      await point(join(folder, `${name}.proof`), `/proc/${process.pid}/fd/${handles[0]}/${proof}`);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    async confirm() {
      if (!(await exists(marker))) await writeFile(marker, "", { mode: 0o600 });
    },
    async loosen() {
      if (await exists(marker)) return false;
      for (const { name, hostPath } of layers) {
        await point(join(folder, name), encodePath(hostPath ?? ""));
        await point(join(folder, `${name}.proof`), join(folder, proof));
      }
      return true;
    },
    [Symbol.dispose]: close,
  };
}

/** Starts what mounts the held folders. Only an engine that never could take them gets their paths instead, which the proof looks at. */
export async function startHeld(
  held: HeldBases | null,
  { first, again }: { first(): Promise<void>; again(): Promise<void> },
): Promise<void> {
  try {
    await first();
  } catch (error) {
    if (held === null || !isAirlockError(error, "E_ENGINE_FAILED") || !(await held.loosen())) throw error;
    return await again();
  }
  await held?.confirm();
}
