import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";

/** Holds a running sandbox still; disposing lets it go on. The caller holds the session's lock. */
export async function pauseSandbox(bench: Workbench, record: SessionRecord): Promise<AsyncDisposable> {
  const { container } = record;
  if (container === null) return { async [Symbol.asyncDispose]() {} };
  const engine = await bench.engine();
  const state = await engine.inspectContainer(container);
  const paused = state?.status === "paused";
  if (state?.status !== "running" && !paused) return { async [Symbol.asyncDispose]() {} };
  // Paused while nobody has the session's lock: a command was killed, and this one lets it go on.
  if (!paused) await engine.pauseContainer(container);
  return { [Symbol.asyncDispose]: () => engine.unpauseContainer(container) };
}
