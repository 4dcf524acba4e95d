import type { McpServer, ReadResourceResult, ResourceLink } from "@modelcontextprotocol/server";
import type { Desk } from "./desk.js";
import * as sdk from "./sdk.js";

type ResourceName = "diff" | "status" | "feedback" | "journal";

interface ResourceText {
  readonly title: string;
  readonly description: string;
  readonly mimeType: string;
}

const texts: Readonly<Record<ResourceName, ResourceText>> = {
  diff: {
    title: "Changes",
    description: "What the session changed in the project, as a patch.",
    mimeType: "text/x-diff",
  },
  status: { title: "Status", description: "The session as it is now.", mimeType: "application/json" },
  feedback: {
    title: "Feedback",
    description: "What a person rejected of the session's changes, and why. Look here after a review.",
    mimeType: "text/plain",
  },
  journal: {
    title: "Journal",
    description: "The latest of what the session's journal holds, a JSON object a line.",
    mimeType: "application/x-ndjson",
  },
};

const names = Object.keys(texts) as readonly ResourceName[];
const longestPatch = 4 * 1024 * 1024;
const journalLines = 1_000;

const uriOf = (session: string, name: ResourceName): string => `airlock://session/${session}/${name}`;

/** A pointer to one of the session's resources, for the answer of a tool. */
export function resourceLink(session: string, name: ResourceName): ResourceLink {
  return { type: "resource_link", uri: uriOf(session, name), name, ...texts[name] };
}

async function textOf(desk: Desk, name: ResourceName): Promise<string> {
  if (name === "diff") return desk.patch(longestPatch);
  if (name === "feedback") return desk.feedback();
  return name === "status" ? JSON.stringify(await desk.status()) : desk.journal(journalLines);
}

/** Registers `airlock://session/ID/{diff,status,feedback,journal}` of the desk's session, and of no other. */
export function registerResources(server: McpServer, desk: Desk): void {
  const list = async (): Promise<{ resources: { uri: string; name: string }[] }> => {
    const session = await desk.sessionId();
    return { resources: names.map((name) => ({ uri: uriOf(session, name), name, ...texts[name] })) };
  };
  const template = new sdk.ResourceTemplate("airlock://session/{session}/{name}", { list });
  const about = { title: "A session's changes, status, feedback or journal" };
  server.registerResource("session", template, about, async (uri, variables): Promise<ReadResourceResult> => {
    const session = await desk.sessionId();
    const name = names.find((each) => each === variables["name"]);
    if (name === undefined || variables["session"] !== session) throw new sdk.ResourceNotFoundError(uri.href);
    const text = await textOf(desk, name);
    return { contents: [{ uri: uri.href, mimeType: texts[name].mimeType, text }] };
  });
}
