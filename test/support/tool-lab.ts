import { contentHash } from "../../src/image/context.js";
import type { JournalEvent } from "../../src/model/journal.js";
import type { ToolOutcome, TrustSubject } from "../../src/model/tool.js";
import type { TrustDecision } from "../../src/model/trust.js";
import { callTool, type ToolGuard, type ToolRequest } from "../../src/session/tools/call-tool.js";
import { Toolbox } from "../../src/session/tools/toolbox.js";
import { openWorkbench, type Workbench } from "../../src/session/workbench.js";
import { airlockScript } from "./cli.js";
import { docker, Lab } from "./lab.js";

const root = new URL("../..", import.meta.url).pathname;

/** Trusts everything, asks nobody, remembers what was recorded. */
export class OpenGuard implements ToolGuard {
  readonly subjects: TrustSubject[] = [];
  readonly events: JournalEvent[] = [];

  async decide(subject: TrustSubject): Promise<TrustDecision> {
    this.subjects.push(subject);
    return { verdict: "allow", rule: "test", why: "a test", tiers: [] };
  }

  take(): Promise<boolean> {
    return Promise.resolve(true);
  }

  giveBack(): Promise<void> {
    return Promise.resolve();
  }

  protect(): Promise<void> {
    return Promise.resolve();
  }

  ask(..._about: Parameters<ToolGuard["ask"]>): ReturnType<ToolGuard["ask"]> {
    return Promise.resolve(null);
  }

  record = async (event: JournalEvent): Promise<void> => void this.events.push(event);
}

/** A started session with its tools. */
export class ToolLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly session: string;
  readonly bench: Workbench;
  readonly toolbox: Toolbox;
  readonly guard = new OpenGuard();

  private constructor(lab: Lab, session: string, bench: Workbench) {
    this.lab = lab;
    this.session = session;
    this.bench = bench;
    const program = { execPath: process.execPath, script: airlockScript, env: lab.env() };
    this.toolbox = new Toolbox(bench, { id: session, workspace: lab.project }, program);
  }

  static async open(...options: readonly string[]): Promise<ToolLab> {
    const lab = new Lab();
    const id = await lab.start(...options);
    const bench = await openWorkbench({
      env: lab.env(),
      homedir: lab.userHome,
      platform: process.platform,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      imageHash: contentHash(root),
      packageRoot: new URL("../..", import.meta.url).pathname,
      signal: new AbortController().signal,
      engineAddress: undefined,
      onProgress: () => undefined,
    });
    return new ToolLab(lab, id, bench);
  }

  call(name: string, args: unknown, more: Partial<ToolRequest> = {}): Promise<ToolOutcome> {
    return callTool(this.toolbox, this.guard, { name, arguments: args, caller: "test", ...more });
  }

  /** The result of a call that must work. */
  async done<T = Readonly<Record<string, unknown>>>(
    name: string,
    args: unknown,
    more?: Partial<ToolRequest>,
  ): Promise<T> {
    const outcome = await this.call(name, args, more);
    if (outcome.kind !== "done") throw new Error(`${name}: ${outcome.text}`);
    return outcome.result as T;
  }

  /** Why a call that must not work did not. */
  async failure(name: string, args: unknown): Promise<string> {
    const outcome = await this.call(name, args);
    if (outcome.kind === "done") throw new Error(`${name} did ${JSON.stringify(outcome.result)}`);
    return outcome.text;
  }

  async shell(command: string, more: Readonly<Record<string, unknown>> = {}): Promise<ShellResult> {
    return this.done<ShellResult>("shell", { command, ...more });
  }

  async container(): Promise<string> {
    const { container } = await this.lab.json<{ container: string }>(["status", this.session, "--json"]);
    return container;
  }

  /** What runs in the sandbox, seen from outside of it. */
  async processes(): Promise<string[]> {
    return (await docker("top", await this.container(), "-eo", "pid,args")).split("\n").slice(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.toolbox[Symbol.asyncDispose]();
    await this.bench[Symbol.asyncDispose]();
    await this.lab[Symbol.asyncDispose]();
  }
}

export interface ShellResult {
  readonly exit_status: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdout_base64?: string;
  readonly stdout_bytes?: number;
  readonly timed_out?: boolean;
  readonly cancelled?: boolean;
  readonly shell_ended?: boolean;
}
