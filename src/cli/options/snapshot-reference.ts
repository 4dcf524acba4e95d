import { AirlockError } from "../../base/errors.js";

/** How a snapshot is named: `s2` of the newest session, or `brisk-otter-3f2a/s2`. */
export function parseSnapshotReference(reference: string): {
  readonly session: string | undefined;
  readonly snapshot: string;
} {
  const match = /^(?:([a-z0-9-]+)\/)?(s\d+)$/.exec(reference);
  if (match?.[2] === undefined) {
    throw new AirlockError("E_USAGE", `"${reference}" is not a snapshot`, {
      hint: "write s2, or SESSION/s2; airlock snapshots lists them",
    });
  }
  return { session: match[1], snapshot: match[2] };
}
