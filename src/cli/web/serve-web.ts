import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { catalogue, isAirlockError, messageOf } from "../../base/errors.js";
import { escapeBody } from "../../base/escape.js";
import { tooLargeText } from "../../base/json-message.js";
import { readBody } from "../../mcp/http/exchange.js";
import { closeServer, listen, makeHttpServer, untilStopped } from "../../mcp/http/listener.js";
import { admitPage } from "./admit-page.js";
import type { ErrorMessage } from "./messages.js";
import { bodies, queries } from "./requests.js";
import type { WebReview } from "./web-review.js";

/** What the page is made of; nothing of it is of a session. */
export interface PageFiles {
  readonly html: string;
  readonly css: string;
  readonly js: string;
  /** A page of its own, in a frame of the other's. */
  readonly player: Pick<PageFiles, "html" | "css" | "js">;
}

export interface WebService {
  readonly review: Pick<
    WebReview,
    "look" | "state" | "doc" | "image" | "recording" | "plan" | "apply" | "undo" | "note" | "again"
  >;
  readonly files: PageFiles;
  readonly port: number;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly onProblem: (text: string) => void;
  /** Told the address to open, once it is served. */
  readonly onListening: (url: string) => void;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src blob:; frame-src 'self'; base-uri 'none'; form-action 'none'; \
frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
} as const;

// The player runs a library's code on what the sandbox wrote to its terminal: in a frame without an origin, which can reach neither the page
// around it, nor this server's other answers, nor anything else.
const playerHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; font-src data:; base-uri 'none'; \
form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts",
  "cross-origin-resource-policy": "cross-origin",
} as const;

const json = (value: unknown, status = 200): Answer => ({
  status,
  type: "application/json",
  body: JSON.stringify(value),
});

const problem = (status: number, message: string): Answer =>
  json({ code: "E_USAGE", message, hint: null } satisfies ErrorMessage, status);

/** What failed, as the page shows it: nothing of a project or a sandbox reaches it unescaped. */
function failure(error: unknown): Answer {
  if (!isAirlockError(error))
    return json({ code: "E_INTERNAL", message: escapeBody(messageOf(error)), hint: null }, 500);
  const { code, message, hint } = error;
  const status = catalogue[code].exit === 2 ? 400 : 409;
  const shown = { code, message: escapeBody(message), hint: hint === undefined ? null : escapeBody(hint) };
  return json(shown satisfies ErrorMessage, status);
}

const notFound = problem(404, "there is nothing of that name");
const notUnderstood = problem(400, "the request cannot be understood");

async function get(review: WebService["review"], path: string, search: URLSearchParams): Promise<Answer> {
  const query = Object.fromEntries(search);
  if (path === "/api/state" && queries.state.safeParse(query).success) return json(await review.state());
  if (path === "/api/look" && queries.look.safeParse(query).success) return json(await review.look());
  if (path === "/api/doc") {
    const parsed = queries.doc.safeParse(query);
    return parsed.success ? json(await review.doc(parsed.data.look, parsed.data.at)) : notUnderstood;
  }
  if (path === "/api/image") {
    const parsed = queries.image.safeParse(query);
    if (!parsed.success) return notUnderstood;
    const image = await review.image(parsed.data.look, parsed.data.at, parsed.data.side);
    return image === null ? problem(404, "there is no picture to show") : { ...image, status: 200, body: image.bytes };
  }
  if (path === "/api/recording") {
    const parsed = queries.recording.safeParse(query);
    if (!parsed.success) return notUnderstood;
    return { status: 200, type: "text/plain; charset=utf-8", body: await review.recording(parsed.data.number) };
  }
  return notFound;
}

function fileOf({ html, css, js, player }: PageFiles, path: string): Answer {
  const page = (type: string, body: string): Answer => ({ status: 200, type: `${type}; charset=utf-8`, body });
  const ofPlayer = (type: string, body: string): Answer => ({ ...page(type, body), headers: playerHeaders });
  switch (path) {
    case "/":
      return page("text/html", html);
    case "/review.css":
      return page("text/css", css);
    case "/review.js":
      return page("text/javascript", js);
    case "/player.html":
      return ofPlayer("text/html", player.html);
    case "/player.css":
      return ofPlayer("text/css", player.css);
    case "/player.js":
      return ofPlayer("text/javascript", player.js);
    default:
      return notFound;
  }
}

async function post(review: WebService["review"], path: string, body: unknown): Promise<Answer> {
  switch (path) {
    case "/api/plan": {
      const parsed = bodies.plan.safeParse(body);
      return parsed.success ? json(await review.plan(parsed.data)) : notUnderstood;
    }
    case "/api/apply": {
      const parsed = bodies.apply.safeParse(body);
      return parsed.success ? json(await review.apply(parsed.data)) : notUnderstood;
    }
    case "/api/undo": {
      const parsed = bodies.undo.safeParse(body);
      return parsed.success ? json(await review.undo(parsed.data.applyId)) : notUnderstood;
    }
    case "/api/note": {
      const parsed = bodies.note.safeParse(body);
      if (!parsed.success) return notUnderstood;
      await review.note(parsed.data.look, parsed.data.at, parsed.data.text);
      return json({});
    }
    case "/api/again": {
      if (!bodies.again.safeParse(body).success) return notUnderstood;
      await review.again();
      return json({});
    }
    default:
      return notFound;
  }
}

async function answer(message: IncomingMessage, { review, files }: WebService): Promise<Answer> {
  const { method, url = "/" } = message;
  const [path = "", search = ""] = url.split("?");
  if (method === "POST") {
    const parsed = await readBody(message);
    if (!parsed.ok) return problem(parsed.problem === tooLargeText ? 413 : 400, parsed.problem);
    return await post(review, path, parsed.value);
  }
  if (path.startsWith("/api/")) return await get(review, path, new URLSearchParams(search));
  return fileOf(files, path);
}

function send(response: ServerResponse, { status, type, body, headers: own = {} }: Answer): void {
  // What is left of a body that nobody reads would be taken for the next request.
  const rest = status >= 400 ? { connection: "close" } : {};
  response.writeHead(status, { ...headers, ...own, ...rest, "content-type": type }).end(body);
}

/** Serves the review's page on this machine until the signal says stop. */
export async function serveWeb(service: WebService): Promise<void> {
  const { token, onProblem, signal } = service;
  let port = 0;
  const server = makeHttpServer((message, response) => {
    const refusal = admitPage(message, { token, port });
    if (refusal !== null) return send(response, problem(refusal.status, refusal.text));
    answer(message, service).then(
      (each) => send(response, each),
      (error: unknown) => {
        if (!isAirlockError(error)) onProblem(messageOf(error));
        send(response, failure(error));
      },
    );
    return undefined;
  });
  const origin = await listen(server, { host: "127.0.0.1", port: service.port });
  ({ port } = server.address() as AddressInfo);
  // A browser sends what stands behind the # to nobody.
  service.onListening(`${origin}/#${token}`);
  await untilStopped(signal);
  await closeServer(server);
}
