import type { ToolAnnotations } from "@modelcontextprotocol/server";
import { type ToolName, toolNames } from "../model/tool.js";

/** What a client is told of a tool, apart from its schemas. */
interface ToolText {
  readonly title: string;
  readonly description: string;
  readonly annotations: ToolAnnotations;
}

const reads: ToolAnnotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};
const writes: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: false,
};
const adds: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
};

const inSandbox =
  "Runs in a sandbox over a copy of the project: the project itself is not touched until a person applies the changes.";

/** The sandbox's tools, in the order in which they are listed. */
export const sandboxToolTexts: Readonly<Record<ToolName, ToolText>> = {
  read: {
    title: "Read",
    description: "Reads files by lines, lists folders, searches text, shows images, inside the sandbox.",
    annotations: reads,
  },
  write: {
    title: "Write",
    description: `Creates a file, replaces a text in it, inserts or appends. ${inSandbox}`,
    annotations: writes,
  },
  shell: {
    title: "Shell",
    description: `Runs a command with bash. ${inSandbox} A person may be asked first; a denial says why.`,
    annotations: { ...writes, openWorldHint: true },
  },
  aws: {
    title: "AWS",
    description: "Calls an AWS service with credentials that never enter the sandbox. A person may be asked first.",
    annotations: { ...writes, openWorldHint: true },
  },
  glob: { title: "Glob", description: "Finds files of the sandbox by a pattern of their paths.", annotations: reads },
  grep: { title: "Grep", description: "Finds lines in files of the sandbox.", annotations: reads },
};

export type SessionToolName = "snapshot" | "restore" | "diff" | "status" | "request_apply";

/** The tools that work on the session. */
export const sessionToolTexts: Readonly<Record<SessionToolName, ToolText>> = {
  snapshot: {
    title: "Snapshot",
    description: "Saves the state of the sandbox, to go back to with restore.",
    annotations: adds,
  },
  restore: {
    title: "Restore",
    description:
      "Puts the sandbox back to a snapshot. The present state is saved as a snapshot first; what runs in the sandbox ends.",
    annotations: { ...writes, idempotentHint: true },
  },
  diff: {
    title: "Diff",
    description:
      "Lists what the session changed in the project, with the risks. Deletions and what is risky come first.",
    annotations: reads,
  },
  status: {
    title: "Status",
    description:
      "Shows the session: state, project, network, limits, snapshots, what is hidden, what is trusted, what a person rejected of its changes and why.",
    annotations: reads,
  },
  request_apply: {
    title: "Ask for an apply",
    description: "Asks a person to review the changes and apply them to the project. Applies nothing itself.",
    annotations: { ...adds, idempotentHint: true },
  },
};

export const sessionToolNames = Object.keys(sessionToolTexts) as readonly SessionToolName[];

/** Every tool's name in the order of the list. */
export const listedTools: readonly string[] = [...toolNames, ...sessionToolNames];

/** What the client's model is told of the whole. */
export const instructions = [
  "Airlock's tools work in a disposable sandbox over a copy-on-write view of the project, at the same path as on the host.",
  "Nothing reaches the project until a person has reviewed it: use request_apply when the work is done.",
  "A call that is denied says which rule or person denied it; do what it says instead of trying the same in another way.",
].join(" ");
