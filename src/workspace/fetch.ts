import { AirlockError } from "../base/errors.js";
import type { ContentPart } from "../model/apply.js";
import { parseAnswer, schemas } from "./keeper-protocol.js";

/** A file on its way from the keeper. `parts` is null where there is no regular file; it is read before the next file. */
export interface FetchedFile {
  readonly path: string;
  readonly size: number;
  readonly parts: AsyncIterable<ContentPart> | null;
}

function lengthOf(part: ContentPart): number {
  return part instanceof Uint8Array ? part.length : part.hole;
}

async function* partsOf(answers: AsyncIterator<unknown>, size: number): AsyncGenerator<ContentPart, void, void> {
  for (let left = size; left > 0; ) {
    const { value, done } = await answers.next();
    const part: ContentPart | null =
      done === true ? null : value instanceof Uint8Array ? value : parseAnswer(schemas.hole, value, "layer.fetch");
    if (part === null || lengthOf(part) === 0 || lengthOf(part) > left) {
      throw new AirlockError("E_KEEPER_FAILED", "the keeper sent less or more of a file than it promised");
    }
    left -= lengthOf(part);
    yield part;
  }
}

/** Cuts an answer to `layer.fetch` into files. */
export async function* fetchedFiles(answers: AsyncGenerator<unknown, unknown, void>): AsyncGenerator<FetchedFile> {
  try {
    for (;;) {
      const { value, done } = await answers.next();
      if (done === true) return;
      const { path, size } = parseAnswer(schemas.fetched, value, "layer.fetch");
      const parts = size === null ? null : partsOf(answers, size);
      yield { path, size: size ?? 0, parts };
      // What the reader left of it stands before the next file.
      if (parts !== null) for await (const _ of parts);
    }
  } finally {
    await answers.return(undefined);
  }
}
