import type { SessionRecord } from "../../model/session.js";
import type { ToolChannel } from "../../tools/tool-channel.js";
import type { ToolPlace } from "../../tools/tool-path.js";
import { sandboxHome } from "../sandbox/environment.js";
import { type OpenServer, startServer } from "../tools/start-server.js";
import { LiveTrust } from "../tools/trust-file.js";
import type { Workbench } from "../workbench.js";

/** What decides on hooks: the session's trust, and a tool server that only says where paths lead. The sandbox runs: a hook called from it. */
export class HookPlace implements AsyncDisposable {
  readonly session: string;
  readonly place: ToolPlace;
  readonly trust: LiveTrust;
  readonly #bench: Workbench;
  readonly #record: SessionRecord;
  #server: Promise<OpenServer> | null = null;

  constructor(bench: Workbench, record: SessionRecord) {
    this.session = record.id;
    this.place = { workspace: record.workspace, home: sandboxHome };
    this.trust = new LiveTrust(bench.home, record);
    this.#bench = bench;
    this.#record = record;
  }

  async channel(): Promise<ToolChannel> {
    const before = this.#server;
    const open = await before?.catch(() => null);
    if (open?.channel.isOpen === true) return open.channel;
    if (this.#server === before) this.#server = startServer(this.#bench, this.#record);
    return (await (this.#server ?? startServer(this.#bench, this.#record))).channel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = await this.#server?.catch(() => null);
    await open?.channel[Symbol.asyncDispose]();
  }
}
