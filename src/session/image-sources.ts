import { newToken } from "../base/ids.js";
import type { ContainerRequest } from "../model/engine.js";
import { momentaryRequest } from "../wall/momentary-request.js";
import type { Workbench } from "./workbench.js";

const megabyte = 1024 * 1024;
const patienceMs = 30_000;
const readSources = "cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources";

// The image may be anybody's: its shell runs behind a sandbox's walls, with nothing of the host's and for a moment.
function readingRequest(bench: Workbench, image: string): ContainerRequest {
  return momentaryRequest({
    name: `airlock-sources-${newToken(4)}`,
    image,
    labels: { "airlock.home": bench.home.id, "airlock.role": "self-test" },
    entrypoint: ["/bin/sh", "-c"],
    command: [readSources],
    user: "65534:65534",
    hostname: "sources",
    pidsLimit: 16,
    oomScoreAdjustment: 500,
  });
}

/** What the files of an image say about where its apt gets packages; nothing when it has no apt, or no shell. */
export async function imageAptSources(bench: Workbench, reference: string | undefined): Promise<string> {
  const [engine, image] = await Promise.all([bench.engine(), bench.image(reference)]);
  const id = await engine.createContainer(readingRequest(bench, image.id));
  let text = "";
  try {
    await using streams = await engine.attachContainer(id, { tty: false });
    const close = (): void => void streams[Symbol.asyncDispose]();
    const timer = setTimeout(close, patienceMs);
    timer.unref();
    streams.stderr?.resume();
    await engine.startContainer(id);
    for await (const chunk of streams.stdout) {
      text += String(chunk);
      if (text.length > megabyte) break;
    }
    clearTimeout(timer);
  } catch {
    // A container without a shell does not start.
  } finally {
    await engine.removeContainer(id);
  }
  return text;
}
