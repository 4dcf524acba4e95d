import { setTimeout as sleep } from "node:timers/promises";
import { allowHostAlways } from "../../config/allow-host.js";
import { userConfigPath } from "../../config/load.js";
import type { AskedHost } from "../../gate/admission.js";
import type { SessionRecord } from "../../model/session.js";
import { askSession } from "../tools/ask-session.js";
import type { Workbench } from "../workbench.js";
import { changeNetwork } from "./change-network.js";

/** As long as the connection that asks waits at the gate. */
const answerSeconds = 20;
/** An answer for once holds so long: for the connection that waits, and for a program that tries again at once. */
const onceSeconds = 20;

interface Wanted extends AskedHost {
  readonly container: string;
}

const longestClaim = 300;
/** A question without the program's name is better than one that comes too late. */
const lookMs = 2_000;

// By the port that the connection comes from. A process says of itself what it likes, and is asked for no longer than the question matters.
async function programOf(bench: Workbench, { uid, gid }: SessionRecord, wanted: Wanted): Promise<string | null> {
  if (wanted.from === 0) return null;
  const engine = await bench.engine();
  await using asked = await engine.exec({
    container: wanted.container,
    command: ["/airlock/init", "holder", String(wanted.from)],
    user: `${uid}:${gid}`,
    tty: false,
  });
  asked.stderr?.resume();
  let claim = "";
  for await (const piece of asked.stdout) {
    claim += (piece as Buffer).toString("utf8");
    if (claim.length > longestClaim) break;
  }
  return claim === "" ? null : claim.slice(0, longestClaim);
}

const answeredBy = new Set(["terminal", "approve", "mcp"]);

/** Asks people about a host that no rule decides; their answer becomes a rule, which the gate finds while the connection waits. */
export async function askNetwork(
  bench: Workbench,
  record: SessionRecord,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const { id } = record;
  const { name, port } = wanted;
  const looking = programOf(bench, record, wanted).catch(() => null);
  const program = await Promise.race([looking, sleep(lookMs, null, { ref: false })]);
  const { verdict, scope, by } = await askSession(bench, id, {
    subject: { kind: "network", name, port, program },
    caller: "a program in the sandbox",
    seconds: answerSeconds,
    signal,
    asker: null,
  });
  if (!answeredBy.has(by)) return;
  const pattern = `${name.includes(":") ? `[${name}]` : name}:${port}`;
  await changeNetwork(bench, id, { action: verdict, pattern, seconds: scope === "once" ? onceSeconds : null });
  if (scope === "always" && verdict === "allow") await allowHostAlways(userConfigPath(bench.surroundings), pattern);
}
