import type { Readable } from "node:stream";
import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { ImageState, Labels } from "../model/engine.js";
import { type EngineCaller, longOperationTimeoutMs } from "./caller.js";
import { engineError } from "./engine-error.js";
import { hasLabels, labelFilters } from "./labels.js";
import { errorIn, readProgress } from "./progress.js";
import { readAnswer } from "./read-answer.js";
import { EngineRefusal } from "./transport.js";

const referencePattern = /^[A-Za-z0-9][A-Za-z0-9._\-/:@]{0,400}$/;

/** What the image is, or null when it is not on the engine. */
export async function inspectImage(caller: EngineCaller, reference: string): Promise<ImageState | null> {
  if (!isReference(reference)) return null;
  const raw = await caller.callUnless(
    `inspect image ${reference}`,
    (signal) => caller.transport.json({ method: "GET", path: `/images/${reference}/json`, signal }),
    { 404: null },
  );
  if (raw === null) return null;
  const answer = await readAnswer("image", raw, `image ${reference}`);
  return {
    id: answer.Id,
    tags: answer.RepoTags,
    labels: answer.Config.Labels,
    sizeBytes: answer.Size,
    createdAt: answer.Created,
    volumes: Object.keys(answer.Config.Volumes),
    environment: answer.Config.Env,
    architecture: answer.Architecture,
  };
}

export async function listImages(caller: EngineCaller, labels: Labels): Promise<readonly ImageState[]> {
  const query = { filters: { label: labelFilters(caller.product, labels) } };
  const answer = await caller.call("list images", (signal) =>
    caller.transport.json({ method: "GET", path: "/images/json", query, signal }),
  );
  const found: ImageState[] = [];
  for (const { Id } of await readAnswer("imageList", answer, "images")) {
    const image = await inspectImage(caller, Id);
    if (image !== null && hasLabels(image.labels, labels)) found.push(image);
  }
  return found;
}

/** True when the image is gone, also when it was before; false while a container needs it. */
export async function removeImage(caller: EngineCaller, reference: string): Promise<boolean> {
  if (!isReference(reference)) return true;
  const answer: unknown = await caller.callUnless(
    `remove image ${reference}`,
    async (signal) => {
      await caller.transport.json({ method: "DELETE", path: `/images/${reference}`, signal });
      return true;
    },
    { 404: true, 409: false },
  );
  return answer === true;
}

interface PullOptions {
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Pulls an image from its registry; `onLine` gets each new state of each of its layers. */
export async function pullImage(caller: EngineCaller, reference: string, options: PullOptions): Promise<void> {
  const doing = `pull image ${reference}`;
  const { fromImage, tag } = splitReference(reference);
  await caller.call(
    doing,
    async (abortSignal) => {
      try {
        const docker = await caller.docker();
        const output = await docker.createImage({ fromImage, tag, abortSignal });
        await followPull(output as Readable, options.onLine);
      } catch (error) {
        throw isMissing(error) ? missing(reference, error) : engineError(error, { endpoint: caller.endpoint, doing });
      }
    },
    { timeoutMs: longOperationTimeoutMs, signal: options.signal },
  );
}

async function followPull(output: Readable, onLine: (line: string) => void): Promise<void> {
  const last = new Map<string, string>();
  for await (const progress of readProgress(output)) {
    const error = errorIn(progress);
    if (error !== undefined) throw new EngineRefusal(500, error);
    const { id = "", status = "" } = progress;
    if (status === "" || last.get(id) === status) continue;
    last.set(id, status);
    onLine(escapeText(id === "" ? status : `${id}: ${status}`));
  }
}

// Whatever keeps a registry from handing it over, the user's question is the same: where can the image be had?
function isMissing(error: unknown): error is EngineRefusal {
  return error instanceof EngineRefusal && !/no space left/i.test(error.message);
}

function missing(reference: string, error: EngineRefusal): AirlockError {
  return new AirlockError("E_IMAGE_MISSING", `cannot pull image ${reference}: ${escapeText(error.message)}`, {
    hint: "check the image's name and the engine's access to its registry (`docker login`), or build it",
    cause: error,
  });
}

/** Makes an image of one layer from a tar stream; gives its id. */
export async function importImage(caller: EngineCaller, root: Readable, tag: string, labels: Labels): Promise<string> {
  const { fromImage: repo, tag: version } = splitReference(tag);
  return await caller.call(
    `import image ${tag}`,
    async (abortSignal) => {
      const changes = Object.entries(labels).map(([key, value]) => `LABEL ${quoteLabel(key)}=${quoteLabel(value)}`);
      const docker = await caller.docker();
      const output = await docker.importImage(root, { repo, tag: version, changes, abortSignal });
      const id = await importedId(output as Readable);
      // Podman tags it `latest`, whatever it is told.
      if (caller.product === "podman" && version !== "latest") {
        await docker.getImage(id).tag({ repo, tag: version, abortSignal });
        await docker.getImage(`${repo}:latest`).remove({ abortSignal } as object);
      }
      return id;
    },
    { timeoutMs: longOperationTimeoutMs },
  );
}

async function importedId(output: Readable): Promise<string> {
  let id = "";
  for await (const progress of readProgress(output)) {
    const error = errorIn(progress);
    if (error !== undefined) throw new EngineRefusal(500, error);
    id = progress.status ?? id;
  }
  return id.trim();
}

const quoteLabel = (text: string): string => `"${text.replace(/["\\$]/g, "\\$&")}"`;

function isReference(reference: string): boolean {
  return referencePattern.test(reference) && !reference.includes("..");
}

/** Splits `registry:5000/name:tag` or `name@sha256:…`; without a tag it is `latest`, never all of them. */
export function splitReference(reference: string): { readonly fromImage: string; readonly tag: string } {
  if (!isReference(reference)) throw new AirlockError("E_USAGE", `not an image name: ${escapeText(reference)}`);
  const digestAt = reference.indexOf("@");
  if (digestAt > 0) return { fromImage: reference.slice(0, digestAt), tag: reference.slice(digestAt + 1) };
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return { fromImage: reference, tag: "latest" };
  return { fromImage: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
