import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { isAirlockError, messageOf } from "../../base/errors.js";
import { hookAgentOf } from "../../hooks/agents.js";
import { type HookEvent, isAfterEvent, readHookEvent } from "../../hooks/read-event.js";
import { type HookAnswer, renderDenied, silence } from "../../hooks/render-answer.js";
import type { Answer } from "../../model/question.js";
import type { SessionRecord } from "../../model/session.js";
import type { TrustState } from "../../model/trust.js";
import { parseArguments } from "../../tools/parse-json.js";
import { ToolRefusal } from "../../tools/tool-channel.js";
import type { ToolGuard } from "../tools/call-tool.js";
import { toolGuard } from "../tools/tool-guard.js";
import { currentTrust } from "../tools/trust-all.js";
import type { Workbench } from "../workbench.js";
import { HookReader, type HookRequest, sendAnswer } from "./hook-frames.js";
import { HookPlace } from "./hook-place.js";
import { judgeHook } from "./judge-hook.js";
import { UnaskedAgents } from "./notice-unasked.js";

interface Surroundings {
  readonly say: (text: string) => void;
  /** Questions are asked where this is said: nobody need be told that they wait. */
  readonly asksHere: boolean;
  /** Ended with the sandbox's wire. */
  readonly signal: AbortSignal;
}

/** Less than the hatch waits. */
const patienceMs = 18_000;
const answerSeconds = 15;
const maxCalls = 32;
const maxHeldBytes = 32 * 1024 * 1024;
const maxAsked = 8;
const perWindow = 400;
const windowMs = 10_000;

const crowded: Answer = { verdict: "deny", scope: "once", tier: null, reason: null, edited: null, by: "nobody" };

// The agent runs what it wanted to run: what a person wrote in its place can only be told to it.
function withoutEdit(answer: Answer): Answer {
  if (answer.verdict === "deny" || answer.edited === null) return answer;
  const reason = `${answer.reason ?? ""} Do this instead, with exactly these arguments: ${JSON.stringify(answer.edited)}`;
  return { ...answer, verdict: "deny", edited: null, reason: reason.trim() };
}

/**
 * Where the hooks of agents in a sandbox are answered. Whatever runs in the sandbox may call here, and say what it likes: it can be told
 * yes or no, and can put a question; it can neither answer one nor change what is trusted.
 */
export class HookDesk implements AsyncDisposable {
  readonly #bench: Workbench;
  readonly #record: SessionRecord;
  readonly #around: Surroundings;
  readonly #place: HookPlace;
  readonly #unasked: UnaskedAgents;
  readonly #calls = new Set<Promise<void>>();
  #held = 0;
  #asked = 0;
  #window = { since: 0, calls: 0 };

  constructor(bench: Workbench, record: SessionRecord, around: Surroundings) {
    this.#bench = bench;
    this.#record = record;
    this.#around = around;
    this.#place = new HookPlace(bench, record);
    this.#unasked = new UnaskedAgents(bench, record, { say: around.say, trust: () => this.#trust() });
  }

  /** Takes one call of a hook. One that is too many is broken off, which blocks. */
  take(connection: Duplex): void {
    connection.on("error", () => undefined);
    if (this.#calls.size >= maxCalls || this.#isFlooded()) {
      connection.destroy();
      return;
    }
    const call = this.#serve(connection).catch(() => void connection.destroy());
    this.#calls.add(call);
    void call.finally(() => this.#calls.delete(call));
  }

  // Each call is an entry in the journal: a loop inside must not fill the disk.
  #isFlooded(): boolean {
    const now = Date.now();
    if (now - this.#window.since > windowMs) this.#window = { since: now, calls: 0 };
    this.#window.calls += 1;
    return this.#window.calls > perWindow;
  }

  async #serve(connection: Duplex): Promise<void> {
    const gone = new AbortController();
    const late = setTimeout(() => connection.destroy(), patienceMs);
    connection.once("close", () => gone.abort());
    try {
      const request = await this.#receive(connection);
      const answer = await this.#answer(request, AbortSignal.any([gone.signal, this.#around.signal]));
      if (!connection.destroyed) sendAnswer(connection, answer);
    } finally {
      clearTimeout(late);
    }
  }

  #receive(connection: Duplex): Promise<HookRequest> {
    const reader = new HookReader();
    let isWhole = false;
    let size = 0;
    return new Promise<HookRequest>((resolve, reject) => {
      connection.on("data", (piece: Buffer) => {
        size += piece.length;
        this.#held += piece.length;
        try {
          const request = isWhole || this.#held > maxHeldBytes ? null : reader.push(piece);
          if (isWhole || this.#held > maxHeldBytes) connection.destroy();
          if (request === null) return;
          isWhole = true;
          resolve(request);
        } catch (error) {
          reject(error);
          connection.destroy();
        }
      });
      // It goes away without having waited for its answer.
      connection.once("end", () => connection.destroy());
      connection.once("close", () => {
        this.#held -= size;
        reject(new Error("the hook went away"));
      });
    });
  }

  async #answer({ agent: name, event: configured, payload }: HookRequest, signal: AbortSignal): Promise<HookAnswer> {
    const agent = hookAgentOf(name);
    if (agent === null) return renderDenied("claude", "blocked: the hooks of this agent are not known");
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
      const { workspace } = this.#record;
      const given = parseArguments(text);
      const event = readHookEvent({ agent, event: configured, payload: given, workspace, parseJson: parseArguments });
      if (event.phase === "after") return await this.#after(`hook:${agent}`, event);
      const guard = this.#guard(`hook:${agent}`);
      await this.#unasked.look(agent, event.isUnasked);
      const trust = () => this.#trust();
      return await judgeHook({ place: this.#place, guard, trust, caller: `hook:${agent}`, signal }, agent, event);
    } catch (error) {
      if (isAfterEvent(configured)) return silence;
      const known = isAirlockError(error, "E_TOOL_ARGUMENTS") || error instanceof ToolRefusal;
      const why = known ? messageOf(error) : `it could not be decided: ${messageOf(error)}`;
      await this.#bench.recorder(this.#record.id)({ kind: "hook.blocked", data: { caller: `hook:${agent}`, why } });
      return renderDenied(agent, `blocked: ${why}`);
    }
  }

  #trust(): Promise<TrustState> {
    return currentTrust(this.#bench, this.#record, () => this.#place.trust.load());
  }

  #guard(caller: string): ToolGuard {
    const guard = toolGuard(this.#bench, this.#place, { caller, asker: null, seconds: answerSeconds });
    const ask: ToolGuard["ask"] = async (...about) => {
      // A person who is asked by a loop would say anything.
      if (this.#asked >= maxAsked) return crowded;
      this.#asked += 1;
      try {
        if (!this.#around.asksHere) {
          this.#around.say(`${caller} waits for an answer: airlock approve, in another terminal, gives one`);
        }
        const answer = await guard.ask(...about);
        return answer === null ? null : withoutEdit(answer);
      } finally {
        this.#asked -= 1;
      }
    };
    return { ...guard, ask };
  }

  async #after(caller: string, { name, use, response }: HookEvent & { readonly phase: "after" }): Promise<HookAnswer> {
    const text = JSON.stringify(response) ?? "";
    const sha256 = createHash("sha256").update(text).digest("hex");
    const data = { caller, name, use, sha256, bytes: Buffer.byteLength(text) };
    await this.#bench.recorder(this.#record.id)({ kind: "hook.result", data, isOutcome: true });
    return silence;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#calls);
    await this.#place[Symbol.asyncDispose]();
  }
}
