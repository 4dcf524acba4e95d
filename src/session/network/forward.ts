import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { AirlockError, messageOf } from "../../base/errors.js";
import { joinForward } from "../../gate/forward.js";
import { holdWire } from "../../gate/hold-wire.js";
import type { Program } from "../reopen.js";
import { ensureRunning } from "../reopen.js";
import { loadSession, lockSession } from "../store.js";
import type { Workbench } from "../workbench.js";
import { hatchUid } from "./hatch.js";

interface Forwarding {
  /** The port inside. */
  readonly inside: number;
  /** Where it is opened on this machine. */
  readonly port: number;
  readonly address: string;
  readonly program: Program;
  readonly onOpen: (address: string, port: number) => void;
}

/**
 * Opens a port of this machine that leads to one inside, until the signal. Its wire is one of its own: it works for a session without a
 * network too, and takes nothing that the sandbox opens.
 */
export async function forwardPort(bench: Workbench, id: string, wish: Forwarding): Promise<void> {
  const { inside, port, address, program, onOpen } = wish;
  const record = await (async () => {
    await using _lock = await lockSession(bench.home, id, bench.signal);
    const found = await loadSession(bench.home, id);
    if (found === null) throw new AirlockError("E_SESSION_NOT_FOUND", `no session "${id}"`);
    return await ensureRunning(bench, found, program);
  })();
  if (record.container === null) throw new AirlockError("E_SESSION_STATE", `session ${id} has no sandbox`);
  const uid = hatchUid(record);
  const engine = await bench.engine();
  const channel = await engine.exec({
    container: record.container,
    command: ["/airlock/hatch", "forward"],
    user: `${uid}:${uid}`,
    workingDirectory: "/",
    tty: false,
  });
  // Whatever the sandbox would open by this way is refused.
  await using wire = holdWire(channel, [], (stream) => stream.reset());
  await wire.ready;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    joinForward(socket, wire.openForward(inside));
  });
  server.listen(port, address);
  await once(server, "listening").catch((error: unknown) => {
    throw new AirlockError("E_USAGE", `cannot open ${address}:${port}: ${messageOf(error)}`, { cause: error });
  });
  await bench.recorder(id)({ kind: "network.forward", data: { inside, address, port: boundPort(server.address()) } });
  onOpen(address, boundPort(server.address()));
  const aborted = new Promise<"aborted">((resolve) => {
    bench.signal.addEventListener("abort", () => resolve("aborted"), { once: true });
    if (bench.signal.aborted) resolve("aborted");
  });
  const end = await Promise.race([wire.over, aborted]);
  server.close();
  for (const socket of sockets) socket.destroy();
  if (end !== "aborted" && end.kind !== "closed") throw end.error;
}

const boundPort = (address: ReturnType<ReturnType<typeof createServer>["address"]>): number =>
  typeof address === "object" && address !== null ? address.port : 0;
