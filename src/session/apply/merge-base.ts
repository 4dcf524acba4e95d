import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";

const run = promisify(execFile);
const largestMerged = 1024 * 1024;
// `<old> <new> <name> <mail> <seconds> <zone>\t<message>`: gitformat-reflog.
const reflogLine = /^[0-9a-f]{40,64} ([0-9a-f]{40,64}) .* (\d{1,12}) [+-]\d{4}(?:\t|$)/;

/** The commit that was checked out when the session began, by the host's own record of it; null when that is not known. */
export async function commitAtStart(record: SessionRecord): Promise<string | null> {
  const log = await readFile(join(record.project.path, ".git/logs/HEAD"), "latin1").catch(() => "");
  let found: string | null = null;
  for (const line of log.split("\n")) {
    const match = reflogLine.exec(line);
    // The second of the start itself is left out: an older ancestor is as good, a younger one would undo the host's work.
    if (match !== null && Number(match[2]) * 1000 + 1000 <= record.baseTimeMs) found = match[1] ?? null;
  }
  return found;
}

async function blobOf(project: string, commit: string, path: string): Promise<Uint8Array | null> {
  const settings = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never"];
  try {
    const { stdout } = await run(
      "git",
      [
        "--no-replace-objects",
        "--no-optional-locks",
        "-C",
        project,
        ...settings.flatMap((each) => ["-c", each]),
        "cat-file",
        "blob",
        `${commit}:./${path}`,
      ],
      {
        encoding: "buffer",
        maxBuffer: largestMerged,
        timeout: 10_000,
        env: {
          PATH: "/usr/local/bin:/usr/bin:/bin",
          GIT_CONFIG_NOSYSTEM: "1",
          GIT_CONFIG_GLOBAL: "/dev/null",
          GIT_NO_LAZY_FETCH: "1",
          LC_ALL: "C",
        },
      },
    );
    return stdout;
  } catch {
    // No git, no such file in that commit, or larger than is merged: then nothing is merged, and the person decides.
    return null;
  }
}

/**
 * What a file held before both sides changed it: from the uploaded base, or from the commit that was checked out when the
 * session began (the host's own repository, which the agent cannot write). Null: not known, so nothing may be merged.
 */
export async function openMergeBase(
  bench: Workbench,
  record: SessionRecord,
): Promise<(path: string) => Promise<Uint8Array | null>> {
  const layer = record.layers.find(({ name }) => name === "workspace");
  if (layer?.base === "upload") {
    const keeper = await bench.contentKeeper();
    return async (path) => {
      const wish = { session: record.id, layer: "workspace", path, maxBytes: largestMerged, from: "base" as const };
      return await keeper.readFile(wish);
    };
  }
  const commit = await commitAtStart(record);
  return async (path) => {
    // Bytes that are not UTF-8 and control characters cannot be named to git.
    if (commit === null || /[\udc80-\udcff\p{Cc}]/u.test(path)) return null;
    return await blobOf(record.project.path, commit, path);
  };
}
