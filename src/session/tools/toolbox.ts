import type { SessionRecord } from "../../model/session.js";
import { KeyQueue } from "../../tools/key-queue.js";
import type { ToolChannel } from "../../tools/tool-channel.js";
import type { ToolPlace } from "../../tools/tool-path.js";
import { runningRecord } from "../exec.js";
import type { Program } from "../reopen.js";
import { sandboxHome } from "../sandbox/environment.js";
import type { Workbench } from "../workbench.js";
import { type OpenServer, startServer } from "./start-server.js";
import { LiveTrust } from "./trust-file.js";

/** The tools of one session: one tool server in its sandbox, started with the first call and again after it was lost. */
export class Toolbox implements AsyncDisposable {
  readonly session: string;
  readonly place: ToolPlace;
  readonly queue = new KeyQueue();
  /** What the session trusts, read once for all its calls until it changes. */
  readonly trust: LiveTrust;
  readonly #bench: Workbench;
  readonly #program: Program;
  #server: Promise<OpenServer> | null = null;

  constructor(bench: Workbench, { id, workspace }: Pick<SessionRecord, "id" | "workspace">, program: Program) {
    this.trust = new LiveTrust(bench.home, { id, workspace });
    this.#bench = bench;
    this.#program = program;
    this.session = id;
    this.place = { workspace, home: sandboxHome };
  }

  /** The connection to the tool server. The session's sandbox is started when it had stopped; one that was discarded is not found. */
  async channel(): Promise<ToolChannel> {
    const before = this.#server;
    const open = await before?.catch(() => null);
    if (open?.channel.isOpen === true) return open.channel;
    // Of several calls that find it lost, one starts another.
    if (this.#server === before) this.#server = this.#start(open ?? null);
    const server = await (this.#server ?? this.#start(null));
    return server.channel;
  }

  async #start(lost: OpenServer | null): Promise<OpenServer> {
    const record = await runningRecord(this.#bench, this.session, this.#program);
    // Nothing is left in a container that is gone.
    await lost?.sweep().catch(() => undefined);
    return await startServer(this.#bench, record);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = await this.#server?.catch(() => null);
    if (open?.channel.isOpen === false) await open.sweep().catch(() => undefined);
    await open?.channel[Symbol.asyncDispose]();
  }
}
