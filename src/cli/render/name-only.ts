import { encodePath } from "../../base/byte-path.js";
import { displayPath } from "../../base/escape.js";
import type { Change } from "../../model/change.js";

/** The paths alone: a line each and quoted where that is needed, or, with `-z`, their bytes and a NUL. */
export function* renderNames(
  changes: Iterable<Change>,
  { nul }: { readonly nul: boolean },
): Generator<Buffer, void, void> {
  for (const { path } of changes) {
    yield nul ? Buffer.concat([encodePath(path), Buffer.of(0)]) : Buffer.from(`${displayPath(path)}\n`, "utf8");
  }
}
