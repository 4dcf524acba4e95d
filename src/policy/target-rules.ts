import type { PathRule } from "./path-rules.js";
import { isWithin } from "./places.js";
import { agentHome, imageFolders } from "./project.js";
import { faultOfText } from "./resolve-path.js";

/** What a place inside the sandbox is compared with. */
export interface TargetSubject {
  readonly target: string;
  readonly workspace: string;
  /** Targets given away already. */
  readonly taken: readonly string[];
}

const overlaps = (left: string, right: string): boolean => isWithin(left, right) || isWithin(right, left);

const isNormal = (target: string): boolean =>
  /^(?:\/[^/]+)+$/.test(target) && !target.split("/").some((part) => part === "." || part === "..");

/** The rules for where an approved path may appear inside. */
export const targetRules: readonly PathRule<TargetSubject>[] = [
  {
    name: "target-form",
    matches: ({ target }) => target !== "/" && (faultOfText(target) !== undefined || !isNormal(target)),
    why: "it is not a plain absolute path",
    hint: "write it from / on, without . and .. and without a slash at the end",
  },
  {
    name: "target-root",
    matches: ({ target }) => target === "/",
    why: "it would replace the sandbox's whole file system",
    hint: "use /mnt/airlock/<name>",
  },
  {
    name: "target-image",
    matches: ({ target }) => imageFolders.has(target.split("/")[1] ?? "") || target === "/tmp",
    why: "it would hide a part of the image that programs rely on",
    hint: "use /mnt/airlock/<name>",
  },
  {
    name: "target-home",
    matches: ({ target }) => target !== "/" && isWithin(agentHome, target),
    why: "the sandbox's home is there",
    hint: "use /mnt/airlock/<name>",
  },
  {
    name: "target-workspace",
    matches: ({ target, workspace }) => target !== "/" && overlaps(target, workspace),
    why: "the project is there",
    hint: "use /mnt/airlock/<name>",
  },
  {
    // A mount inside another makes the engine create its mount point in the outer one, on the host.
    name: "target-taken",
    matches: ({ target, taken }) => target !== "/" && taken.some((each) => overlaps(target, each)),
    why: "another approved path is there",
    hint: "give each its own place",
  },
];
