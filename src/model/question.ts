import type { Caller, ToolName } from "./tool.js";

/** What a person is asked about. Every text in it may come from the sandbox: it is escaped before it is shown. */
export type QuestionSubject =
  | {
      readonly kind: "tool";
      /** `other`: one of an agent's own that is not known here. */
      readonly tool: ToolName | "other";
      readonly arguments: Readonly<Record<string, unknown>>;
      readonly folder: string;
      readonly touches: readonly string[];
      readonly risk: readonly string[];
      readonly why: string;
      /** Labels of what may be granted for the rest of the session. */
      readonly tiers: readonly string[];
    }
  | {
      readonly kind: "network";
      readonly name: string;
      readonly port: number;
      /** The program that asked, as the sandbox claims. */
      readonly program: string | null;
    }
  | {
      readonly kind: "aws";
      /** What it does, in words: `terminate 3 instances i-…, in us-east-1`. */
      readonly words: string;
      /** `ec2:TerminateInstances`. */
      readonly action: string;
      readonly level: string;
      readonly resources: readonly string[];
      readonly account: string | null;
      readonly region: string;
      readonly parameters: string;
      /** SHA-256 of the body that is meant; null: it is not known before it has passed. */
      readonly bodyHash: string | null;
      readonly why: string;
    };

export interface Question {
  readonly id: string;
  readonly session: string;
  readonly caller: Caller;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** No answer by then is a denial. */
  readonly deadline: number;
  readonly subject: QuestionSubject;
}

/** A person's word. */
export interface Answer {
  readonly verdict: "allow" | "deny";
  readonly scope: "once" | "session" | "always";
  /** Which of the tiers was granted, with scope `session`. */
  readonly tier: number | null;
  /** Goes back to the agent. */
  readonly reason: string | null;
  /** The arguments as the person rewrote them. */
  readonly edited: Readonly<Record<string, unknown>> | null;
  /** Where it was given: `terminal`, `approve`, `mcp`, `deadline`. */
  readonly by: string;
}
