import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AirlockError } from "../base/errors.js";
import { ensureBaseImage, type ImageWork } from "./base-image.js";
import { contentHash, contextFiles } from "./context.js";
import { fetchNodePackages } from "./node-packages.js";
import { tarStream } from "./tar-stream.js";

/** The tag of the sandbox image for a content hash. */
export function sandboxImageTag(hash: string): string {
  return `airlock/sandbox:${hash}`;
}

function refuseStaleBuild({ packageRoot, hash }: ImageWork): void {
  const actual = contentHash(packageRoot);
  if (actual === hash) return;
  throw new AirlockError(
    "E_IMAGE_BUILD",
    `what the sandbox image is made of changed since Airlock was built (${actual})`,
    {
      hint: "run: npm run build",
    },
  );
}

/** A folder for downloads, gone with what uses it. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "airlock-image-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Builds the sandbox image through the engine, also when it is there already (the engine's cache makes that cheap). Resolves to its tag. */
export async function buildSandboxImage(work: ImageWork): Promise<string> {
  refuseStaleBuild(work);
  const { engine, packageRoot, env, signal, progress } = work;
  const { architecture } = await engine.facts();
  const base = await ensureBaseImage(work);
  await using downloads = await temporaryFolder();
  progress.step("fetching Node and npm");
  const packages = await fetchNodePackages({ packageRoot, architecture, folder: downloads.path, env, signal });
  const tag = sandboxImageTag(work.hash);
  progress.step(`building ${tag}`);
  await engine.buildImage({
    context: tarStream([...contextFiles(packageRoot), ...packages]),
    tag,
    labels: { "airlock.role": "image", "airlock.content": work.hash },
    buildArguments: { BASE: base },
    onLine: (line) => progress.detail(line),
    signal,
  });
  return tag;
}

/** Makes sure that the sandbox image is on the engine; does nothing when it is. */
export async function ensureSandboxImage(work: ImageWork): Promise<{ readonly tag: string; readonly built: boolean }> {
  const tag = sandboxImageTag(work.hash);
  if ((await work.engine.inspectImage(tag)) !== null) return { tag, built: false };
  return { tag: await buildSandboxImage(work), built: true };
}
