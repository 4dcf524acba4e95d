/**
 * Files that something on the host runs or obeys later without asking (threat: trust hand-off). All patterns are matched
 * against canonical names, at any depth: monorepos have a `package.json` in every folder.
 */
export interface CatalogueRule {
  /** What a person reads: one short sentence without a subject. */
  readonly reason: string;
  /** Names of the file or link itself. */
  readonly names?: readonly string[];
  /** Endings of the name, with their dot. */
  readonly endings?: readonly string[];
  /** Folders (one or more names joined by `/`): they and everything below them. */
  readonly folders?: readonly string[];
  /** Last names of the path joined by `/`. */
  readonly paths?: readonly string[];
  /** A regular expression on the last name. */
  readonly pattern?: RegExp;
}
