import type { Change } from "../model/change.js";
import { canonicalNames, isInsideGit } from "../risk/canonical.js";
import type { GitElsewhere, GitFile, GitReport } from "./report.js";

/** The changes of a session that belong to git, each in one heap. */
export interface SortedPaths {
  readonly all: readonly Change[];
  /** `.git` itself. */
  readonly top: Change | null;
  readonly refs: readonly Change[];
  readonly configs: readonly Change[];
  readonly hooks: readonly GitFile[];
  readonly files: readonly GitFile[];
  readonly elsewhere: readonly GitElsewhere[];
  readonly counts: GitReport["counts"];
}

/** Tells whether a change belongs to git's own data, under any spelling and at any depth. */
export function belongsToGit({ path }: Pick<Change, "path">): boolean {
  return isInsideGit(canonicalNames(path));
}

const counted: readonly (readonly [RegExp, "objects" | "packs" | "logs"])[] = [
  [/^objects\/(?:[0-9a-f]{2}\/(?:[0-9a-f]{38}|[0-9a-f]{62}|tmp_obj_\w+)|tmp_objdir-[\w-]+\/.*)$/s, "objects"],
  [
    /^objects\/(?:pack\/(?:\.?tmp-[\w.-]+|tmp_(?:pack|idx|rev)_\w+|(?:pack|multi-pack-index)-[0-9a-f]+\.(?:pack|idx|rev|bitmap|mtimes|keep|promisor))|pack\/multi-pack-index|info\/(?:packs|commit-graph)|info\/commit-graphs\/[\w.-]+)$/,
    "packs",
  ],
  [/^logs\/./s, "logs"],
];

// What git writes whenever it works; nothing in it leads anywhere else.
const plain =
  /^(?:COMMIT_EDITMSG|MERGE_MSG|MERGE_MODE|SQUASH_MSG|AUTO_MERGE|gc\.log|gc\.pid|description|info\/exclude|info\/refs|index|sharedindex\.[0-9a-f]+|fsmonitor--daemon.*|branches)$/;

const effects: readonly (readonly [RegExp, string])[] = [
  [/^info\/attributes$/, "tells git which programs convert, compare and merge files"],
  [/^info\/sparse-checkout$/, "hides files of the project from the work tree"],
  [/^info\/grafts$/, "gives commits other parents than they have"],
  [/^shallow$/, "cuts history off"],
  [/^objects\/info\/(?:http-)?alternates$/, "takes objects from another place"],
  [/^(?:commondir|gitdir)$/, "leads git to another place"],
  [
    /^(?:modules|worktrees)\/(?:.*\/)?(?:config(?:\.worktree)?|hooks\/.*|commondir|gitdir|info\/attributes|objects\/info\/alternates)$/s,
    "configures git in a submodule or another work tree",
  ],
  [/^reftable\//, "holds refs in a form that is not read here"],
  [
    /^(?:rebase-merge|rebase-apply|sequencer)\/(?:git-rebase-todo|todo|exec.*)$/,
    "is what an unfinished rebase goes on with, commands among it",
  ],
  [/^remotes\/|^branches\//, "says where to fetch from and push to"],
];

// Other programs' stores, and the data of submodules and further work trees, of which only what leads on is named.
const stores = /^(?:modules|worktrees|lfs|annex|svn)\//;
const hookPath = /^hooks\/./s;

function describeFile({ path, kind, after, before }: Change, inside: string): GitFile {
  const state = after ?? before;
  const strange =
    state?.type === "symlink" ? "is a link" : state?.type === "special" ? "is a pipe, a socket or a device" : null;
  const effect = effects.find(([pattern]) => pattern.test(inside))?.[1] ?? null;
  return { path, kind, effect: after === null ? null : (strange ?? effect) };
}

function hookOf({ path, kind, after }: Change, inside: string): GitFile {
  const runs = after !== null && after.type !== "dir" && !inside.endsWith(".sample");
  return { path, kind, effect: runs ? "runs on the host when git does" : null };
}

class Heaps implements SortedPaths {
  readonly all: Change[] = [];
  top: Change | null = null;
  readonly refs: Change[] = [];
  readonly configs: Change[] = [];
  readonly hooks: GitFile[] = [];
  readonly files: GitFile[] = [];
  readonly elsewhere: GitElsewhere[] = [];
  readonly counts = { objects: 0, packs: 0, logs: 0, folders: 0, others: 0 };

  add(change: Change, inside: string): void {
    const isFile = (change.after ?? change.before)?.type === "file";
    const heap = isFile ? counted.find(([pattern]) => pattern.test(inside))?.[1] : undefined;
    if (change.type === "dir" && change.kind !== "type") this.counts.folders += 1;
    else if (heap !== undefined) this.counts[heap] += 1;
    else if (inside === "HEAD" || inside === "packed-refs" || inside.startsWith("refs/")) this.refs.push(change);
    else if (inside === "config" || inside === "config.worktree") this.configs.push(change);
    else if (hookPath.test(inside)) this.hooks.push(hookOf(change, inside));
    else this.#addFile(describeFile(change, plain.test(inside) ? "" : inside), inside);
  }

  #addFile(file: GitFile, inside: string): void {
    if (file.effect === null && stores.test(inside)) this.counts.others += 1;
    else this.files.push(file);
  }
}

/** The part of a path up to the first name that some file system takes for `.git`; the path must have one. */
export function gitFolderOf(path: string): string {
  const parts = path.split("/");
  const at = parts.findIndex((part) => isInsideGit(canonicalNames(part)));
  return parts.slice(0, at + 1).join("/");
}

/** Puts the changes that belong to git in heaps; null when there is none. */
export function sortPaths(changes: readonly Change[]): SortedPaths | null {
  const heaps = new Heaps();
  const places = new Map<string, { kind: GitElsewhere["kind"]; paths: number }>();
  for (const change of changes) {
    if (!belongsToGit(change)) continue;
    heaps.all.push(change);
    const { path } = change;
    if (path === ".git") heaps.top = change;
    else if (path.startsWith(".git/")) heaps.add(change, path.slice(5));
    else {
      const folder = gitFolderOf(path);
      const place = places.get(folder) ?? { kind: "changed", paths: 0 };
      places.set(folder, place);
      place.paths += 1;
      if (path === folder && change.kind === "added") place.kind = "added";
      if (path === folder && change.kind === "deleted") place.kind = "deleted";
    }
  }
  for (const [path, place] of places) heaps.elsewhere.push({ path, ...place });
  return heaps.all.length === 0 ? null : heaps;
}
