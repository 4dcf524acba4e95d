import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { BuildProgress } from "../../image/progress.js";
import { buildSandboxImage, ensureSandboxImage } from "../../image/sandbox-image.js";
import type { ImageState } from "../../model/engine.js";
import type { Workbench } from "../../session/workbench.js";
import type { Act } from "../command.js";
import { addGlobalOptions, type CommandContext, type GlobalOptions } from "../context.js";
import { Progress } from "../render/progress.js";
import { formatSize } from "../render/size.js";
import { formatTable } from "../render/table.js";
import { withBench } from "../with-bench.js";

const ourLabels = { "airlock.role": "image" };

function buildProgress(context: CommandContext, display: Progress): BuildProgress {
  let current = "";
  return {
    step(text) {
      current = text;
      display.update(text);
    },
    detail: (text) => display.update(current, text.trim()),
    note(text) {
      display.clear();
      context.note(escapeText(text));
    },
  };
}

/** What every build of an image takes, with its progress on a display. */
export async function imageWork(context: CommandContext, bench: Workbench, display: Progress) {
  const { packageRoot, env, signal } = context.edge;
  return { engine: await bench.engine(), packageRoot, env, signal, progress: buildProgress(context, display) };
}

/** Builds the sandbox image with its progress on stderr; with `missing`, only when it is not there. */
export async function buildImage(
  context: CommandContext,
  bench: Workbench,
  { missing }: { readonly missing: boolean },
): Promise<{ readonly tag: string; readonly built: boolean }> {
  const { edge, options } = context;
  using display = new Progress({ stream: edge.stderr, quiet: options.quiet === true, now: Date.now });
  const work = { ...(await imageWork(context, bench, display)), hash: edge.imageHash };
  return missing ? await ensureSandboxImage(work) : { tag: await buildSandboxImage(work), built: true };
}

async function build(
  context: CommandContext,
  options: GlobalOptions & { readonly missing?: boolean },
): Promise<number> {
  return withBench(context, async (bench) => {
    const { tag, built } = await buildImage(context, bench, { missing: options.missing === true });
    if (options.json === true) context.printJson({ image: tag, built });
    else context.print(`${tag}${built ? "" : " is there already"}`);
    return 0;
  });
}

async function list(context: CommandContext, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const images = await (await bench.engine()).listImages(ourLabels);
    const isCurrent = ({ tags }: ImageState): boolean => tags.includes(bench.sandboxImage);
    if (options.json === true) {
      context.printJson(
        images.map((image) => ({
          id: image.id,
          tags: image.tags,
          sizeBytes: image.sizeBytes,
          createdAt: image.createdAt,
          current: isCurrent(image),
        })),
      );
      return 0;
    }
    const rows = images.map((image) => [
      image.tags[0] ?? image.id,
      formatSize(image.sizeBytes),
      image.createdAt,
      isCurrent(image) ? "in use by this version" : "",
    ]);
    if (rows.length === 0) context.note("no images; airlock image build makes the one that sandboxes need");
    else context.print(formatTable([["IMAGE", "SIZE", "CREATED", ""], ...rows]));
    return 0;
  });
}

async function remove(context: CommandContext, references: readonly string[], options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    const engine = await bench.engine();
    for (const reference of references) {
      const image = await engine.inspectImage(reference);
      if (image === null)
        throw new AirlockError("E_IMAGE_MISSING", `there is no image ${reference}`, { hint: "airlock image ls" });
      // The engine may hold images of other people; this command is for ours.
      if (image.labels["airlock.role"] !== "image")
        throw new AirlockError("E_USAGE", `${reference} is not an image of Airlock's`, {
          hint: `docker image rm ${reference}`,
        });
      await engine.removeImage(reference);
    }
    if (options.json === true) context.printJson({ removed: references });
    return 0;
  });
}

/** `airlock image`. */
export function define(command: Command, act: Act): void {
  const sub = (name: string, summary: string): Command =>
    addGlobalOptions(command.command(name).description(summary), { json: true, project: false });
  sub("build", "build the sandbox image").option("--missing", "only when it is not there").action(act(build));
  sub("ls", "list Airlock's images").action(act(list));
  sub("rm", "remove images of Airlock's").argument("<image...>").action(act(remove));
}
