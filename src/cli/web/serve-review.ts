import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { newToken } from "../../base/ids.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import type { Ledger } from "../reviewer/infos.js";
import { type PageFiles, serveWeb } from "./serve-web.js";
import { WebReview } from "./web-review.js";

interface WebWish {
  readonly id: string;
  readonly port: string | undefined;
  readonly ledger: Ledger;
}

function parsePort(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new AirlockError("E_USAGE", `--port: "${text}" is no port`, {
    hint: "--port 7777; without it a free one is taken",
  });
}

async function readPages(packageRoot: string): Promise<PageFiles> {
  const page = async (name: string) => {
    const read = (kind: string): Promise<string> => readFile(join(packageRoot, "dist/web", `${name}.${kind}`), "utf8");
    const [html, css, js] = await Promise.all([read("html"), read("css"), read("js")]);
    return { html, css, js };
  };
  const [review, player] = await Promise.all([page("review"), page("player")]);
  return { ...review, player };
}

/** Serves the review of a session to browsers of this machine, until Ctrl-C. */
export async function serveReview(context: CommandContext, bench: Workbench, wish: WebWish): Promise<void> {
  const { id, ledger } = wish;
  const { packageRoot, signal } = context.edge;
  const port = parsePort(wish.port);
  const files = await readPages(packageRoot);
  await using review = await WebReview.open({ bench, id, ledger, now: Date.now });
  await serveWeb({
    review,
    files,
    port,
    token: newToken(32),
    signal,
    onProblem: (text) => context.warn(escapeText(text)),
    onListening: (url) => {
      context.print(url);
      context.note(`the review of ${id} is at that address, for whoever has all of it; Ctrl-C ends it`);
    },
  });
  context.note(`kept session ${id}: airlock diff, airlock apply, airlock discard`);
}
