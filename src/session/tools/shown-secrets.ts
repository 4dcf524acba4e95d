import type { HiddenFile, SessionRecord } from "../../model/session.js";
import { scanForSecrets } from "../../policy/mask-scan.js";

/** What looks like a secret and can be read in a sandbox. */
export interface ShownSecrets {
  /** From the project, or absolute. */
  readonly found: readonly HiddenFile[];
  /** False: there was more to look through than there was time. */
  readonly isWhole: boolean;
}

const mostMs = 3_000;

/**
 * Looks for secrets that a session shows: unmasked on purpose, in a path that is mounted as it is, or put into the project since the
 * session began.
 */
export async function findShownSecrets(
  { project, paths, hidden }: Pick<SessionRecord, "project" | "paths" | "hidden">,
  signal: AbortSignal,
): Promise<ShownSecrets> {
  const isHidden = (path: string): boolean =>
    hidden.some((each) => each.path === path || path.startsWith(`${each.path}/`));
  const roots = [
    { root: project.path, before: "" },
    ...paths.flatMap(({ kind, hostPath }) => (kind === "folder" ? [{ root: hostPath, before: `${hostPath}/` }] : [])),
  ];
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(mostMs)]);
  const found: HiddenFile[] = [];
  let isWhole = true;
  for (const { root, before } of roots) {
    try {
      const scan = await scanForSecrets({ root, mask: [], unmask: [], cachePath: null, signal: inTime });
      found.push(...scan.hidden.map(({ path, rule }) => ({ path: `${before}${path}`, rule })));
    } catch {
      // Too large, or not to be read by us: the warning says that it does not know.
      isWhole = false;
    }
  }
  return { found: found.filter(({ path }) => !isHidden(path)), isWhole };
}
