import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";
import type { ImageState } from "../model/engine.js";
import type { Layer, SessionRecord } from "../model/session.js";
import type { ProjectFolder } from "../policy/project.js";
import { requireImage } from "./image.js";
import type { ForkOrigin } from "./plan.js";
import type { Workbench } from "./workbench.js";

type Forked = Pick<SessionRecord, "baseTimeMs" | "image" | "uid" | "gid" | "rootImage" | "lower" | "agent">;

/** What the record of a fork has from its parent: the snapshot means something only over what it was taken over. */
export function forkedParts({ parent, lower, rootImage }: ForkOrigin): Forked {
  const { baseTimeMs, image, uid, gid, agent } = parent;
  return { baseTimeMs, image, uid, gid, rootImage, lower, ...(agent === undefined ? {} : { agent }) };
}

/** The image that the parent was made of, or the one that its snapshot of a writable root is. */
export function imageOfFork(bench: Workbench, { parent, rootImage }: ForkOrigin): Promise<ImageState> {
  return requireImage(bench, rootImage ?? parent.image.id);
}

const groundOf = (layers: readonly Layer[]): string =>
  JSON.stringify(layers.map(({ name, hostPath, base, target }) => [name, hostPath, base, target]));

/** Refuses a fork whose folders on the host are not those that its parent was started on. */
export function requireSameGround(
  { parent }: ForkOrigin,
  { project, layers }: { readonly project: ProjectFolder; readonly layers: readonly Layer[] },
): void {
  const { device, inode } = parent.project;
  const isSame = project.device === device && project.inode === inode && groundOf(layers) === groundOf(parent.layers);
  if (isSame) return;
  throw new AirlockError(
    "E_SESSION_STATE",
    `${displayPath(project.path)} or a path over it is not what session ${parent.id} was started on`,
    { hint: "it was replaced or moved: bring it back, or begin anew with airlock start" },
  );
}
