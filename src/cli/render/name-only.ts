import { encodePath } from "../../base/byte-path.js";
import { displayPath } from "../../base/escape.js";
import type { Change } from "../../model/change.js";

// A write for each would cost more than all the rest.
const together = 512;

/** The paths alone: a line each and quoted where that is needed, or, with `-z`, their bytes and a NUL. */
export function* renderNames(
  changes: readonly Change[],
  { nul }: { readonly nul: boolean },
): Generator<Buffer, void, void> {
  const nameOf = ({ path }: Change): Buffer =>
    nul ? Buffer.concat([encodePath(path), Buffer.of(0)]) : Buffer.from(`${displayPath(path)}\n`, "utf8");
  for (let at = 0; at < changes.length; at += together) {
    yield Buffer.concat(changes.slice(at, at + together).map(nameOf));
  }
}
