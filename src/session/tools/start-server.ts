import { AirlockError } from "../../base/errors.js";
import { newToken } from "../../base/ids.js";
import type { SessionRecord } from "../../model/session.js";
import { ToolChannel } from "../../tools/tool-channel.js";
import { sandboxEnvironment } from "../sandbox/environment.js";
import { killProcesses } from "../sandbox/kill-processes.js";
import { readInitLine, releaseFrame } from "../sandbox/release.js";
import { lockSession } from "../store.js";
import type { Workbench } from "../workbench.js";

const readyTimeoutMs = 30_000;

export interface OpenServer {
  readonly channel: ToolChannel;
  /** Ends what a server left that was killed together with what watches over its commands. */
  readonly sweep: () => Promise<void>;
}

/** Starts a tool server in a running sandbox, with the agent's rights. */
export async function startServer(bench: Workbench, record: SessionRecord): Promise<OpenServer> {
  const { container } = record;
  if (container === null) throw new AirlockError("E_SESSION_STATE", `session ${record.id} has no sandbox`);
  // Nothing can be started in a sandbox that another command holds still for its snapshot.
  await using _lock = await lockSession(bench.home, record.id, bench.signal);
  const engine = await bench.engine();
  const user = `${record.uid}:${record.gid}`;
  const token = newToken();
  const streams = await engine.exec({
    container,
    command: ["/airlock/init", "enter"],
    user,
    workingDirectory: "/",
    tty: false,
  });
  try {
    const failed = new AirlockError("E_TOOL_SERVER", "the sandbox ended before its tool server could start");
    await readInitLine(streams.stdout, { timeoutMs: readyTimeoutMs, signal: bench.signal, onEnd: () => failed });
    const env = sandboxEnvironment({
      image: [],
      session: record.id,
      user: record.user,
      given: new Map(),
      term: undefined,
      token,
    });
    env.delete("PATH");
    streams.stdin.write(releaseFrame({ mode: "run", cwd: record.workspace, env, args: ["/airlock/toolserver"] }));
    const channel = new ToolChannel(streams);
    await channel.ready;
    return { channel, sweep: () => killProcesses(bench, { container, user, token, signal: "SIGKILL" }) };
  } catch (error) {
    await streams[Symbol.asyncDispose]();
    throw error;
  }
}
