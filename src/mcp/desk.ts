import type { Answer, Question } from "../model/question.js";
import type { Caller, ToolName, ToolOutcome } from "../model/tool.js";

/** Asks the person behind the client; null when the client gave no answer, so that another place may. */
export type AskClient = (question: Question, signal: AbortSignal) => Promise<Answer | null>;

/** A tool call as the client made it: nothing in it is checked yet. */
export interface DeskCall {
  readonly tool: ToolName;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly caller: Caller;
  readonly signal: AbortSignal;
  /** Told of what the tool prints while it runs. */
  readonly onOutput: (text: string) => void;
  /** Null: this client cannot ask anybody. */
  readonly askClient: AskClient | null;
}

/** What came of something that is not a tool of the sandbox: data for the client, beginning with the session's id. */
export type DeskAnswer = Readonly<Record<string, unknown>>;

/** What an agent's front door needs of a session. Each call is decided, recorded and answered behind it. */
export interface Desk {
  /** Resolves once the session runs; rejects with why it does not. */
  sessionId(): Promise<string>;
  callTool(call: DeskCall): Promise<ToolOutcome>;
  snapshot(message: string): Promise<DeskAnswer>;
  restore(snapshot: string): Promise<DeskAnswer>;
  diff(paths: readonly string[]): Promise<DeskAnswer>;
  status(): Promise<DeskAnswer>;
  /** Writes the wish down and says what a person has to do; never applies anything. */
  requestApply(reason: string, caller: Caller): Promise<DeskAnswer>;
  /** The session's changes as a patch, cut at `maxBytes`. */
  patch(maxBytes: number): Promise<string>;
  /** What a person rejected of the session's changes, and why, as a note for the agent. */
  feedback(): Promise<string>;
  /** The last lines of the session's journal, as JSON lines. */
  journal(maxLines: number): Promise<string>;
}
