import type { ApprovedPath, PathMode } from "../model/session.js";
import { findSpecialFile } from "./find-special.js";
import { holds, isWithin, type Located, liesIn, type PlaceIndex } from "./places.js";

export type PathKind = "file" | "folder" | "special";

/** What the rules look at: a resolved host path and everything it is compared with. */
export interface PathSubject extends Located {
  readonly kind: PathKind;
  readonly mode: PathMode;
  readonly places: PlaceIndex;
  readonly project: string;
  readonly allowRw: boolean;
  readonly approved: readonly ApprovedPath[];
}

/** One reason to refuse a path. A path is allowed when no rule of the table matches. */
export interface PathRule<Subject> {
  readonly name: string;
  readonly matches: (subject: Subject) => boolean;
  readonly why: string;
  readonly hint: string;
}

type Place = Pick<PathSubject, "path" | "lineage" | "places">;

const approvedAtMost = 64;

/** What neither a project nor an approved path may be, nor lie in, nor contain. */
const placeRules = {
  root: {
    name: "root",
    matches: ({ path }: Place) => path === "/",
    why: "it is the whole file system",
    hint: "name the folder that is needed",
  },
  home: {
    name: "home",
    matches: ({ path, lineage, places }: Place) =>
      holds({ path, lineage }, places.homes) || places.homes.some(({ identity }) => identity === lineage[0]),
    why: "it is a home folder or contains one",
    hint: "name a folder inside it",
  },
  system: {
    name: "system",
    matches: (at: Place) => liesIn(at, at.places.system) || holds(at, at.places.system),
    why: "it is a system folder (/etc, /proc, /sys, /dev, /boot, /run), lies in one or contains one",
    hint: "copy what is needed into the project",
  },
  engine: {
    name: "engine",
    matches: (at: Place) => liesIn(at, at.places.engine) || holds(at, at.places.engine),
    why: "it gives access to the container engine, which is the same as root on this machine",
    hint: "name a folder without the engine's socket and data",
  },
  airlockHome: {
    name: "airlock-home",
    matches: (at: Place) => liesIn(at, at.places.airlockHome) || holds(at, at.places.airlockHome),
    why: "it is Airlock's own state folder, lies in it or contains it",
    hint: "set AIRLOCK_HOME to a folder elsewhere, or name another path",
  },
  credentials: {
    name: "credentials",
    matches: (at: Place) => liesIn(at, at.places.secrets) || holds(at, at.places.secrets),
    why: "it holds credentials or logged-in sessions of yours, lies among them or contains them",
    hint: "name a folder that has none of them",
  },
} as const satisfies Record<string, PathRule<Place>>;

const isWritable = (approved: ApprovedPath): boolean => approved.mode === "rw";

/**
 * The rules for a path that is to be shown to a sandbox. Each names an attack; `matches` sees the path only after every
 * symbolic link is resolved, so a link, a `..` or a second name changes nothing.
 */
export const pathRules: readonly PathRule<PathSubject>[] = [
  ...Object.values(placeRules),
  {
    name: "start-up",
    matches: (at) => liesIn(at, at.places.traps) || holds(at, at.places.traps),
    why: "your shell, desktop or git obeys the files there, so it is a way out of the sandbox",
    hint: "copy what is needed into the project",
  },
  {
    name: "special",
    matches: ({ kind }) => kind === "special",
    why: "it is a socket, a pipe or a device",
    hint: "only files and folders can be shown to a sandbox",
  },
  {
    // A read-only mount does not stop anybody from connecting to a socket or writing into a pipe. An overlay does.
    name: "holds-special",
    matches: ({ path, kind, mode }) => kind === "folder" && mode !== "cow" && findSpecialFile(path) !== undefined,
    why: "it contains a socket or a pipe, through which a program outside can be reached even when it is read-only",
    hint: "use mode cow, or name a folder without it",
  },
  {
    // An agent that can write to a folder can replace what is in it by a link to anything before the next mount.
    name: "agent-writable",
    matches: ({ path, mode, approved }) =>
      approved.some(
        (each) =>
          (isWritable(each) && isWithin(path, each.hostPath)) || (mode === "rw" && isWithin(each.hostPath, path)),
      ),
    why: "it overlaps a path that the sandbox can write to",
    hint: "approve the outer folder only",
  },
  {
    name: "project",
    matches: ({ path, project }) => isWithin(path, project) || isWithin(project, path),
    why: "it lies in the project, which the sandbox sees anyway, or contains it",
    hint: "leave it out",
  },
  {
    name: "read-write",
    matches: ({ mode, allowRw }) => mode === "rw" && !allowRw,
    why: "writes would go straight to this machine, without review",
    hint: "use mode cow, or add --allow-rw",
  },
  {
    name: "copy-on-write-file",
    matches: ({ mode, kind }) => mode === "cow" && kind !== "folder",
    why: "only a folder can be copy-on-write",
    hint: "name the folder it is in, or use mode ro",
  },
  {
    name: "too-many",
    matches: ({ approved }) => approved.length >= approvedAtMost,
    why: `there are ${approvedAtMost} approved paths already`,
    hint: "approve a folder around them",
  },
];

/** The rules for a project folder: no part of the machine, of Airlock or of anybody's credentials. */
export const projectRules: readonly PathRule<Place>[] = [
  ...Object.values(placeRules),
  {
    name: "programs",
    matches: (at) => liesIn(at, at.places.programs) || holds(at, at.places.programs),
    why: "it is a folder of installed programs (/usr, /bin, /sbin, /lib), lies in one or contains one",
    hint: "move the project to your home folder",
  },
];
