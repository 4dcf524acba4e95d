import { afterAll, beforeAll, describe } from "vitest";
import { Bench, type EngineUnderTest } from "./engine-bench.js";
import { containerSentences } from "./engine-containers.js";
import { imageSentences } from "./engine-images.js";
import { streamSentences } from "./engine-streams.js";
import { volumeSentences } from "./engine-volumes.js";

/** The suite that everything behind the port must pass. */
export function engineContract(name: string, under: EngineUnderTest): void {
  describe(`the engine port over ${name}`, () => {
    const bench = new Bench(under);
    beforeAll(() => bench.open());
    afterAll(() => bench.close());
    imageSentences(bench);
    volumeSentences(bench);
    containerSentences(bench);
    streamSentences(bench);
  });
}
