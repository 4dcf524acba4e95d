import { allowHostAlways } from "../../config/allow-host.js";
import { userConfigPath } from "../../config/load.js";
import type { SessionRecord } from "../../model/session.js";
import { askSession } from "../tools/ask-session.js";
import type { Workbench } from "../workbench.js";
import { changeNetwork } from "./change-network.js";

/** As long as the connection that asks waits at the gate. */
const answerSeconds = 20;
/** An answer for once holds so long: for the connection that waits, and for a program that tries again at once. */
const onceSeconds = 20;

interface Wanted {
  readonly name: string;
  readonly port: number;
}

const answeredBy = new Set(["terminal", "approve", "mcp"]);

/** Asks people about a host that no rule decides; their answer becomes a rule, which the gate finds while the connection waits. */
export async function askNetwork(
  bench: Workbench,
  { id }: SessionRecord,
  { name, port }: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const { verdict, scope, by } = await askSession(bench, id, {
    subject: { kind: "network", name, port, program: null },
    caller: "a program in the sandbox",
    seconds: answerSeconds,
    signal,
    askFirst: null,
  });
  if (!answeredBy.has(by)) return;
  const pattern = `${name.includes(":") ? `[${name}]` : name}:${port}`;
  await changeNetwork(bench, id, { action: verdict, pattern, seconds: scope === "once" ? onceSeconds : null });
  if (scope === "always" && verdict === "allow") await allowHostAlways(userConfigPath(bench.surroundings), pattern);
}
