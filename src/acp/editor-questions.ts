import { escapeText } from "../base/escape.js";
import type { RpcMessage } from "../base/json-rpc.js";
import {
  type MapPath,
  type PermissionOption,
  type PermissionRequest,
  permissionResult,
  translate,
} from "./protocol.js";

/** What the person at the editor chose: one of the agent's options, one of what Airlock would trust from now on, or nothing. */
export type EditorChoice =
  | { readonly kind: "option"; readonly option: PermissionOption }
  | { readonly kind: "tier"; readonly tier: number }
  | { readonly kind: "cancelled" };

/** What the editor shows of a question beside what the agent says of it. */
export interface Shown {
  readonly lines: readonly string[];
  /** Labels of what may be trusted for the rest of the session. */
  readonly tiers: readonly string[];
}

/** Asks the editor; null: it answered nothing that counts, or is gone, or was told that it need not answer any more. */
export type AskEditor = (shown: Shown, signal: AbortSignal) => Promise<EditorChoice | null>;

const longestLabel = 200;
const mostTiers = 6;

/*
 * What the agent would remember is left out: from then on it would ask nobody, and nothing would be denied to it. Airlock offers to remember
 * in its place.
 */
function offered(options: readonly PermissionOption[]): PermissionOption[] {
  const once = options.filter(({ kind }) => kind !== "allow_always");
  return once.some(({ kind }) => kind === "allow_once") ? once : [...options];
}

/** The questions that an editor has been asked and has not answered. Its options have names of ours: an agent could give one of its own the name of another. */
export class EditorQuestions {
  readonly #send: (message: object) => void;
  readonly #waiting = new Map<string, (answer: RpcMessage | null) => void>();
  #count = 0;

  constructor(send: (message: object) => void) {
    this.#send = send;
  }

  /** Puts a permission that an agent wants to the editor. */
  async ask(
    { sessionId, toolCall, options }: PermissionRequest,
    { lines, tiers }: Shown,
    signal: AbortSignal,
    map: MapPath,
  ): Promise<EditorChoice | null> {
    const mine = offered(options).map((option, index) => ({ id: `option-${index}`, option }));
    const granted = tiers.slice(0, mostTiers).map((label, tier) => ({ id: `trust-${tier}`, label, tier }));
    const { content } = toolCall;
    const text = { type: "content", content: { type: "text", text: lines.join("\n") } };
    const title = typeof toolCall["title"] === "string" ? { title: escapeText(toolCall["title"]) } : {};
    const shown = { ...toolCall, ...title, content: [...(Array.isArray(content) ? content : []), text] };
    const params = {
      sessionId,
      toolCall: translate(shown, map),
      options: [
        ...mine.map(({ id, option: { name, kind } }) => ({
          optionId: id,
          name: escapeText(name).slice(0, longestLabel),
          kind,
        })),
        ...granted.map(({ id, label }) => ({
          optionId: id,
          name: `Airlock: yes, and from now on: ${escapeText(label).slice(0, longestLabel)}`,
          kind: "allow_always",
        })),
      ],
    };
    const answer = await this.#request("session/request_permission", params, signal);
    const parsed = permissionResult.safeParse(answer?.result);
    if (!parsed.success) return null;
    const { outcome } = parsed.data;
    if (outcome.outcome === "cancelled") return { kind: "cancelled" };
    const tier = granted.find(({ id }) => id === outcome.optionId)?.tier;
    if (tier !== undefined) return { kind: "tier", tier };
    const option = mine.find(({ id }) => id === outcome.optionId)?.option;
    return option === undefined ? null : { kind: "option", option };
  }

  #request(method: string, params: object, signal: AbortSignal): Promise<RpcMessage | null> {
    const id = `airlock-${this.#count}`;
    this.#count += 1;
    return new Promise((resolve) => {
      const done = (answer: RpcMessage | null): void => {
        signal.removeEventListener("abort", takeBack);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const takeBack = (): void => {
        this.#send({ jsonrpc: "2.0", method: "$/cancel_request", params: { requestId: id } });
        done(null);
      };
      if (signal.aborted) {
        resolve(null);
        return;
      }
      signal.addEventListener("abort", takeBack);
      this.#waiting.set(id, done);
      this.#send({ jsonrpc: "2.0", id, method, params });
    });
  }

  /** Takes what the editor answers; what it was not asked is dropped. */
  take(answer: RpcMessage): void {
    if (typeof answer.id === "string") this.#waiting.get(answer.id)?.(answer);
  }

  /** Nobody answers any more. */
  close(): void {
    for (const done of [...this.#waiting.values()]) done(null);
  }
}
