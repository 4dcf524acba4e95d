import * as z from "zod/mini";
import type { HookAgent } from "./agents.js";
import { type MappedCall, mapTool } from "./map-tool.js";
import { fieldsOf, notUnderstood } from "./read-fields.js";
import { toolKind } from "./tool-kinds.js";

/** What an agent's hook says, in one form. All of it is the sandbox's claim. */
export type HookEvent = {
  /** The agent's own name of its tool. */
  readonly name: string;
  /** The agent's number of the call, where it has one. */
  readonly use: string | null;
} & (
  | {
      readonly phase: "before";
      readonly input: unknown;
      /** What it would touch: nothing outside of the agent, or null where its tool is not known here. */
      readonly calls: readonly MappedCall[] | null;
      /** The agent says that it asks nobody itself. */
      readonly isUnasked: boolean;
      readonly folder: string;
    }
  | { readonly phase: "after"; readonly response: unknown }
);

const shortText = z.optional(z.nullable(z.string().check(z.maxLength(256))));
const longText = z.optional(z.nullable(z.string().check(z.maxLength(4_096))));
const toolName = z.string().check(z.minLength(1), z.maxLength(256));

const payloadSchema = z.looseObject({
  hook_event_name: shortText,
  hookEventName: shortText,
  cwd: longText,
  permission_mode: shortText,
  tool_name: z.optional(toolName),
  toolName: z.optional(toolName),
  tool_use_id: shortText,
  tool_input: z.optional(z.unknown()),
  toolArgs: z.optional(z.unknown()),
  tool_response: z.optional(z.unknown()),
  toolResult: z.optional(z.unknown()),
});

type Payload = z.infer<typeof payloadSchema>;

const phases: Readonly<Record<string, HookEvent["phase"]>> = {
  pretooluse: "before",
  beforetool: "before",
  toolexecutebefore: "before",
  posttooluse: "after",
  posttoolusefailure: "after",
  aftertool: "after",
  toolexecuteafter: "after",
};

const knownPhase = (event: string): HookEvent["phase"] | undefined => {
  const name = event.toLowerCase().replace(/[^a-z]/g, "");
  return Object.hasOwn(phases, name) ? phases[name] : undefined;
};

/** Whether a hook was configured for what comes after a tool: nothing there is blocked any more. */
export const isAfterEvent = (event: string): boolean => knownPhase(event) === "after";

function phaseOf(event: string): HookEvent["phase"] {
  const phase = knownPhase(event);
  if (phase === undefined) throw notUnderstood("it is no event of a tool");
  return phase;
}

function readPhase(payload: Payload, event: string): HookEvent["phase"] {
  const claimed = payload.hook_event_name ?? payload.hookEventName ?? "";
  if (event === "") return phaseOf(claimed);
  const phase = phaseOf(event);
  if (claimed !== "" && phaseOf(claimed) !== phase) throw notUnderstood("its event is another one than the hook's");
  return phase;
}

// Copilot gives its arguments as a text of JSON.
function inputOf(payload: Payload, parseJson: (text: string) => unknown): unknown {
  if (payload.tool_input !== undefined && payload.toolArgs !== undefined) throw notUnderstood("it has two inputs");
  const input = payload.tool_input ?? payload.toolArgs ?? {};
  return typeof input === "string" && payload.toolArgs !== undefined ? parseJson(input) : input;
}

interface HookCall {
  readonly agent: HookAgent;
  /** As the hook was configured; empty: what the payload says. */
  readonly event: string;
  readonly payload: unknown;
  readonly workspace: string;
  readonly parseJson: (text: string) => unknown;
}

/** Reads what an agent's hook was given; throws `E_TOOL_ARGUMENTS` for what cannot be understood. */
export function readHookEvent({ agent, event, payload: given, workspace, parseJson }: HookCall): HookEvent {
  const parsed = payloadSchema.safeParse(given);
  if (!parsed.success) throw notUnderstood("it has not the form of a hook's");
  const payload = parsed.data;
  const phase = readPhase(payload, event);
  const name = payload.tool_name ?? payload.toolName;
  if (name === undefined || (payload.tool_name !== undefined && payload.toolName !== undefined)) {
    throw notUnderstood("it names no tool, or two");
  }
  const use = payload.tool_use_id ?? null;
  if (phase === "after") return { phase, name, use, response: payload.tool_response ?? payload.toolResult ?? null };
  const folder = payload.cwd?.startsWith("/") === true ? payload.cwd : workspace;
  const input = inputOf(payload, parseJson);
  const kind = toolKind(agent, name);
  const calls = kind === null ? null : kind === "own" ? [] : mapTool(kind, fieldsOf(input), folder);
  const isUnasked = payload.permission_mode === "bypassPermissions";
  return { phase, name, use, input, calls, isUnasked, folder };
}
