import { AirlockError, isAirlockError, messageOf } from "../base/errors.js";
import type { ImageState } from "../model/engine.js";
import type { Workbench } from "./workbench.js";

async function pull(bench: Workbench, reference: string): Promise<void> {
  const engine = await bench.engine();
  const { onProgress } = bench.surroundings;
  try {
    await engine.pullImage(reference, (line) => onProgress(`pulling ${reference}`, line), bench.signal);
  } catch (error) {
    if (isAirlockError(error, "E_CANCELLED")) throw error;
    throw new AirlockError(
      "E_IMAGE_MISSING",
      `the image ${reference} is not on the engine and cannot be pulled: ${messageOf(error)}`,
      {
        hint: "airlock image ls, or check the name",
        cause: error,
      },
    );
  }
}

/** The image's description, pulled when it is somebody else's and not there; throws `E_IMAGE_MISSING` with what to do. */
export async function requireImage(bench: Workbench, reference: string): Promise<ImageState> {
  const engine = await bench.engine();
  const found = await engine.inspectImage(reference);
  if (found !== null) return found;
  const isOurs = reference === bench.sandboxImage;
  if (!isOurs && !reference.startsWith("sha256:")) await pull(bench, reference);
  const pulled = isOurs ? null : await engine.inspectImage(reference);
  if (pulled !== null) return pulled;
  throw new AirlockError("E_IMAGE_MISSING", `the image ${reference} is not on the engine`, {
    hint: "airlock image build",
  });
}
