import { displayPath } from "../../base/escape.js";
import type { SessionRecord } from "../../model/session.js";
import { findExposedTokens } from "../../policy/exposed-tokens.js";
import type { TrustWish } from "../../session/plan.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { makePalette, wantsColour } from "./colour.js";
import { networkText } from "./network-text.js";
import { countOf } from "./size.js";

/** Says, before anything runs, what is not as tight as usual; at a terminal also which session this is. */
export function announceSession(context: CommandContext, record: SessionRecord): void {
  const { edge } = context;
  const terminal = edge.stderr.isTTY === true;
  const palette = makePalette(wantsColour(edge.env, terminal));
  for (const { hostPath, mode } of record.paths) {
    if (mode === "rw") context.warn(palette.red(`WRITES THROUGH to the host: ${displayPath(hostPath)}`));
  }
  if (record.user === "root") context.warn(palette.red("root inside: the container's own files can be written"));
  if (record.network === "open") context.warn(palette.red("the network is OPEN: any public host"));
  for (const path of findExposedTokens(record.project.path, record.hidden)) {
    context.warn(
      palette.red(
        `${path} holds a token, which the sandbox can read: take it out, or hide the file (mask: ["${path}"])`,
      ),
    );
  }
  if (!terminal) return;
  const hidden = record.hidden.length === 0 ? "" : `, ${countOf(record.hidden.length, "secret")} hidden`;
  context.note(
    palette.dim(
      `airlock: session ${record.id}, ${displayPath(record.project.path)} is copy-on-write, ${networkText(record)}${hidden}`,
    ),
  );
}

/** Says what a session may do in AWS, and loudly when it gets the keys themselves. */
export async function announceAws(
  context: CommandContext,
  bench: Workbench,
  { id, aws }: SessionRecord,
): Promise<void> {
  if (aws === undefined) return;
  const [{ loadAws }, { awsReach }] = await Promise.all([
    import("../../session/aws/aws-file.js"),
    import("./aws-text.js"),
  ]);
  const file = await loadAws(bench.home, id);
  if (file === null) return;
  const palette = makePalette(wantsColour(context.edge.env, context.edge.stderr.isTTY === true));
  if (file.wish.mode === "direct") context.warn(palette.yellow("AWS: the sandbox gets narrowed keys itself (direct)"));
  context.note(palette.dim(`airlock: AWS ${awsReach(file)}`));
}

/** Warns of what is reachable where everything is trusted from the start. */
export async function announceTrust(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
  { all }: TrustWish,
): Promise<void> {
  if (!all) return;
  const { reachableText } = await import("./reachable.js");
  context.warn(await reachableText(context, bench, record));
}
