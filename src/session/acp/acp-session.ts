import { realpath } from "node:fs/promises";
import { posix } from "node:path";
import type { AcpDesk, Permission, Wanted } from "../../acp/desk.js";
import type { AskEditor, EditorChoice } from "../../acp/editor-questions.js";
import { PathMap } from "../../acp/path-map.js";
import type { PermissionOption } from "../../acp/protocol.js";
import { isAirlockError, messageOf } from "../../base/errors.js";
import { mapPermission } from "../../hooks/map-permission.js";
import type { JournalEvent } from "../../model/journal.js";
import type { Answer, Question } from "../../model/question.js";
import type { SessionRecord } from "../../model/session.js";
import type { TrustState } from "../../model/trust.js";
import { isWithin } from "../../policy/places.js";
import { questionLines } from "../../questions/question-lines.js";
import { ToolRefusal } from "../../tools/tool-channel.js";
import { HookPlace } from "../hooks/hook-place.js";
import { type BeforeTool, type Judged, judgeTool } from "../hooks/judge-hook.js";
import { UnaskedAgents } from "../hooks/notice-unasked.js";
import type { AskPerson } from "../tools/ask-session.js";
import { toolGuard } from "../tools/tool-guard.js";
import { currentTrust } from "../tools/trust-all.js";
import type { Workbench } from "../workbench.js";

interface About {
  readonly agent: string;
  readonly say: (text: string) => void;
}

const answer = (verdict: Answer["verdict"], tier: number | null): Answer => ({
  verdict,
  scope: tier === null ? "once" : "session",
  tier,
  reason: null,
  edited: null,
  by: "editor",
});

function answerOf(choice: EditorChoice): Answer {
  if (choice.kind === "cancelled") return answer("deny", null);
  if (choice.kind === "tier") return answer("allow", choice.tier);
  return answer(choice.option.kind.startsWith("allow") ? "allow" : "deny", null);
}

/** What was chosen at the editor for one permission: a tool that touches several things is asked about once. */
class AtEditor {
  readonly #ask: AskEditor;
  #given: { readonly choice: EditorChoice; readonly answer: Answer } | null = null;

  constructor(ask: AskEditor) {
    this.#ask = ask;
  }

  get isCancelled(): boolean {
    return this.#given?.choice.kind === "cancelled";
  }

  /** The option that was chosen, as long as what became of it agrees with it. */
  optionFor(kind: "allow" | "deny"): PermissionOption | null {
    const choice = this.#given?.choice;
    if (choice?.kind !== "option") return null;
    return choice.option.kind.startsWith("allow") === (kind === "allow") ? choice.option : null;
  }

  readonly ask: AskPerson = async ({ session, subject }: Question, signal) => {
    if (this.#given !== null) return { ...this.#given.answer, scope: "once", tier: null };
    const lines = [`Airlock asks what may be done in the sandbox of session ${session}.`, ...questionLines(subject)];
    const choice = await this.#ask({ lines, tiers: subject.kind === "tool" ? subject.tiers : [] }, signal);
    if (choice === null) return null;
    this.#given = { choice, answer: answerOf(choice) };
    return this.#given.answer;
  };
}

/** What stands behind an editor's agent: the session's trust, its journal, its paths. */
export class AcpSession implements AcpDesk, AsyncDisposable {
  readonly #bench: Workbench;
  readonly #record: SessionRecord;
  readonly #about: About;
  readonly #paths: PathMap;
  readonly #place: HookPlace;
  readonly #unasked: UnaskedAgents;

  constructor(bench: Workbench, record: SessionRecord, about: About) {
    this.#bench = bench;
    this.#record = record;
    this.#about = about;
    this.#paths = new PathMap({ host: record.project.path, inside: record.workspace });
    this.#place = new HookPlace(bench, record);
    this.#unasked = new UnaskedAgents(bench, record, { say: about.say, trust: () => this.#trust() });
  }

  readonly toInside = (path: string): string => this.#paths.toInside(path);
  readonly toHost = (path: string): string => this.#paths.toHost(path);
  readonly say = (text: string): void => this.#about.say(text);

  async folderInside(cwd: string): Promise<string | null> {
    const { project, workspace } = this.#record;
    const real = await realpath(cwd).catch(() => null);
    const rest = real === null ? null : posix.relative(project.path, real);
    if (rest === null || rest === ".." || rest.startsWith("../")) return null;
    const folder = posix.join(workspace, rest);
    this.#paths.add(cwd, folder);
    return folder;
  }

  async isHidden(path: string): Promise<boolean> {
    const { project, workspace, hidden } = this.#record;
    // By the name that the editor has for it, and by what that leads to.
    const [inside, real] = [this.toInside(path), await realpath(path).catch(() => path)];
    return hidden.some(
      (each) =>
        isWithin(inside, posix.resolve(workspace, each.path)) || isWithin(real, posix.resolve(project.path, each.path)),
    );
  }

  async record(event: JournalEvent): Promise<void> {
    await this.#bench.recorder(this.#record.id)(event);
  }

  async noticeMode(isUnasked: boolean): Promise<void> {
    await this.#unasked.look(this.#about.agent, isUnasked);
  }

  #trust(): Promise<TrustState> {
    return currentTrust(this.#bench, this.#record, () => this.#place.trust.load());
  }

  async decide({ use, call, folder }: Wanted, ask: AskEditor, signal: AbortSignal): Promise<Permission> {
    const caller = `acp:${this.#about.agent}`;
    const editor = new AtEditor(ask);
    const guard = toolGuard(this.#bench, this.#place, { caller, asker: { ask: editor.ask, takesBack: true } });
    const calls = mapPermission(call, folder);
    const name = call.title ?? "a tool without a name";
    const event: BeforeTool = { phase: "before", name, use, input: call.input, calls, isUnasked: false, folder };
    const by = { place: this.#place, guard, trust: () => this.#trust(), caller, signal };
    let judged: Judged;
    try {
      judged = await judgeTool(by, event);
    } catch (error) {
      const known = isAirlockError(error, "E_TOOL_ARGUMENTS") || error instanceof ToolRefusal;
      const why = known ? messageOf(error) : `it could not be decided: ${messageOf(error)}`;
      await this.record({ kind: "acp.blocked", data: { caller, use, why } });
      judged = { kind: "deny", why };
    }
    if (signal.aborted || editor.isCancelled) return { kind: "cancelled" };
    // A tool that touches nothing outside of its agent has no permission to wait for.
    if (judged.kind === "none") return { kind: "allow", why: "nothing outside of the agent", option: null };
    return { ...judged, option: editor.optionFor(judged.kind) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place[Symbol.asyncDispose]();
  }
}
