import type { Workbench } from "../workbench.js";

interface Marked {
  readonly container: string;
  readonly user: string;
  readonly token: string;
  /** `SIGKILL` looks until nothing is left. */
  readonly signal: string;
}

/** Signals every process inside that was started with this token. Closing a stream would leave them running. */
export async function killProcesses(bench: Workbench, { container, user, token, signal }: Marked): Promise<void> {
  const engine = await bench.engine();
  await using killer = await engine.exec({
    container,
    command: ["/airlock/init", "kill", token, signal.replace(/^SIG/, "")],
    user,
    tty: false,
  });
  killer.stdout.resume();
  killer.stderr?.resume();
  await killer.exitCode();
}
