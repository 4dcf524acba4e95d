import type { ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import {
  type ClientConnection,
  client,
  methods,
  ndJsonStream,
  type RequestPermissionRequest,
  type SessionNotification,
} from "@agentclientprotocol/sdk";
import { ended, type Lab } from "./lab.js";

/** An editor that runs `airlock acp`, over the protocol's own library. */
export class AcpEditor implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly connection: ClientConnection;
  readonly asked: RequestPermissionRequest[] = [];
  readonly updates: SessionNotification["update"][] = [];
  /** Everything that was done here for the agent. */
  readonly touched: string[] = [];
  readonly end: Promise<{ readonly code: number | null; readonly stderr: string }>;
  /** Which of the options is taken. */
  choose: (request: RequestPermissionRequest) => string | null = () => null;

  constructor(lab: Lab, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = lab.spawn(["acp", ...args], { env });
    this.end = ended(this.child);
    const { stdin, stdout } = this.child;
    if (stdin === null || stdout === null) throw new Error("it has no pipes");
    const stream = ndJsonStream(
      Writable.toWeb(stdin),
      Readable.toWeb(stdout) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>,
    );
    this.connection = client({ name: "test-editor" })
      .onRequest(methods.client.session.requestPermission, ({ params }) => {
        this.asked.push(params);
        const optionId = this.choose(params);
        return { outcome: optionId === null ? { outcome: "cancelled" } : { outcome: "selected", optionId } };
      })
      .onRequest(methods.client.fs.readTextFile, ({ params }) => {
        this.touched.push(params.path);
        return { content: readFileSync(params.path, "utf8") };
      })
      .onNotification(methods.client.session.update, ({ params }) => void this.updates.push(params.update))
      .connect(stream);
  }

  /** What the agent said last. */
  lastWords(): string {
    const chunk = this.updates.findLast(({ sessionUpdate }) => sessionUpdate === "agent_message_chunk");
    return chunk?.sessionUpdate === "agent_message_chunk" && chunk.content.type === "text" ? chunk.content.text : "";
  }

  /** Closes the editor's end, and waits for the command. */
  async leave(): Promise<{ readonly code: number | null; readonly stderr: string }> {
    this.child.stdin?.end();
    return await this.end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.end;
  }
}

/** Makes the stand-in an agent of the user's own. */
export async function addAgent(lab: Lab, more: object = {}): Promise<void> {
  const images = await lab.json<{ current: boolean; tags: string[] }[]>(["image", "ls", "--json"]);
  const image = images.find(({ current }) => current)?.tags[0];
  lab.write("agent.mjs", readFileSync(new URL("../fixtures/acp-agent.mjs", import.meta.url)));
  const folder = join(lab.userHome, ".config/airlock");
  mkdirSync(folder, { recursive: true });
  const agents = {
    mine: { image, command: ["node", "agent.mjs"], acp: [] },
    mute: { image, command: ["node", "agent.mjs"] },
  };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify({ agents, ...more }));
}
