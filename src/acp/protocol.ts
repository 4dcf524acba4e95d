import { fileURLToPath, pathToFileURL } from "node:url";
import * as z from "zod/mini";

/** The version of the Agent Client Protocol that is spoken to both sides. */
export const acpVersion = 1;

const shortText = z.string().check(z.maxLength(256));
const longText = z.string().check(z.maxLength(4_096));

const implementation = z.object({
  name: shortText,
  title: z.optional(z.nullable(shortText)),
  version: z.optional(shortText),
});

export const initializeParams = z.object({
  protocolVersion: z.int().check(z.minimum(1)),
  clientInfo: z.optional(z.nullable(z.catch(z.nullable(implementation), null))),
});

const flag = z._default(z.catch(z.boolean(), false), false);
const promptCapabilities = z.object({ image: flag, audio: flag, embeddedContext: flag });

const initializeResult = z.object({
  protocolVersion: z.literal(acpVersion),
  agentCapabilities: z.optional(
    z.nullable(
      z.object({
        promptCapabilities: z.optional(z.nullable(promptCapabilities)),
        sessionCapabilities: z.optional(z.nullable(z.looseObject({}))),
      }),
    ),
  ),
  authMethods: z.optional(z.nullable(z.array(z.looseObject({})).check(z.maxLength(32)))),
  agentInfo: z.optional(z.nullable(z.catch(z.nullable(implementation), null))),
});

const authMethod = z.object({
  id: shortText,
  name: shortText,
  description: z.optional(z.nullable(longText)),
});

/** What the agent is told of its editor: that it has neither files nor a terminal to give, nor anything else that is done on the host. */
export function maskClient({ clientInfo }: z.infer<typeof initializeParams>): object {
  return {
    protocolVersion: acpVersion,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    ...(clientInfo == null ? {} : { clientInfo }),
  };
}

/**
 * What the editor is told of the agent; null: it does not speak this version. A login that the editor would do by running a program, or by
 * setting variables, would be done on the host, where the agent has no business: those are left out. Conversations end with the sandbox.
 */
export function maskAgent(answer: unknown): object | null {
  const parsed = initializeResult.safeParse(answer);
  if (!parsed.success) return null;
  const { agentCapabilities, authMethods, agentInfo } = parsed.data;
  const logins = (authMethods ?? []).flatMap((each) => {
    if (each["type"] !== undefined && each["type"] !== "agent") return [];
    const read = authMethod.safeParse(each);
    return read.success ? [read.data] : [];
  });
  const closes = agentCapabilities?.sessionCapabilities?.["close"] != null;
  return {
    protocolVersion: acpVersion,
    agentCapabilities: {
      loadSession: false,
      promptCapabilities: agentCapabilities?.promptCapabilities ?? {},
      mcpCapabilities: { http: false, sse: false },
      sessionCapabilities: closes ? { close: {} } : {},
    },
    authMethods: logins,
    ...(agentInfo == null ? {} : { agentInfo }),
  };
}

export const newSessionParams = z.object({
  cwd: longText,
  mcpServers: z.optional(z.nullable(z.array(z.looseObject({ name: z.optional(z.string()) })))),
  additionalDirectories: z.optional(z.nullable(z.array(z.string()))),
});

export const promptParams = z.object({
  sessionId: shortText,
  prompt: z.array(z.looseObject({ type: shortText })).check(z.maxLength(1_000)),
});

export type PromptBlock = z.infer<typeof promptParams>["prompt"][number];

export const sessionParams = z.looseObject({ sessionId: shortText });

export const updateParams = z.object({
  sessionId: shortText,
  update: z.looseObject({ sessionUpdate: shortText }),
});

const optionKinds = ["allow_once", "allow_always", "reject_once", "reject_always"] as const;

export const permissionParams = z.object({
  sessionId: shortText,
  toolCall: z.looseObject({ toolCallId: shortText }),
  options: z
    .array(z.object({ optionId: shortText, name: longText, kind: z.enum(optionKinds) }))
    .check(z.minLength(1), z.maxLength(32)),
});

export type PermissionRequest = z.infer<typeof permissionParams>;
export type PermissionOption = PermissionRequest["options"][number];

/** What comes back from an editor that was asked. */
export const permissionResult = z.object({
  outcome: z.union([
    z.object({ outcome: z.literal("selected"), optionId: shortText }),
    z.object({ outcome: z.literal("cancelled") }),
  ]),
});

export const cancelParams = z.object({ requestId: z.union([z.string(), z.number()]) });

/** Paths of one side, said as the other side has them. */
export type MapPath = (path: string) => string;

function mapUri(uri: string, map: MapPath): string {
  if (!uri.startsWith("file:///")) return uri;
  try {
    const url = new URL(uri);
    const there = pathToFileURL(map(fileURLToPath(url)));
    there.hash = url.hash;
    return there.href;
  } catch {
    return uri;
  }
}

// What a tool was given and what it gave back is data; everything else is the protocol's.
const dataFields = new Set(["rawInput", "rawOutput"]);

/**
 * A value of the protocol with its paths mapped, and without `_meta`: there editors and agents agree on things of their own, such as programs
 * that the editor shall run.
 */
export function translate(value: unknown, map: MapPath): unknown {
  if (Array.isArray(value)) return value.map((each) => translate(each, map));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, field]): [string, unknown][] => {
    if (name === "_meta") return [];
    if (dataFields.has(name)) return [[name, field]];
    if (name === "path" && typeof field === "string") return [[name, map(field)]];
    if (name === "uri" && typeof field === "string") return [[name, mapUri(field, map)]];
    return [[name, translate(field, map)]];
  });
  return Object.fromEntries(entries);
}

/** The file that a block of a prompt is about; null: it is about none. */
export function fileOfBlock({ resource, uri }: PromptBlock): string | null {
  const inner = typeof resource === "object" && resource !== null && "uri" in resource ? resource.uri : uri;
  if (typeof inner !== "string" || !inner.startsWith("file:")) return null;
  try {
    return fileURLToPath(new URL(inner));
  } catch {
    return null;
  }
}
