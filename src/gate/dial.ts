import { connect, isIPv6, type Socket } from "node:net";
import { messageOf } from "../base/errors.js";

const patienceMs = 10_000;
const maxTries = 4;

function dialOne(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address,
      port,
      family: isIPv6(address) ? 6 : 4,
      allowHalfOpen: true,
      noDelay: true,
    });
    const give = (error: Error): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => give(new Error("the client went away"));
    const timer = setTimeout(() => give(new Error("no answer")), patienceMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.off("error", give);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", give);
    socket.once("connect", () => {
      settle();
      resolve(socket);
    });
  });
}

/** Connects to the first of the addresses that answers. No name is looked up here: these very addresses were checked. */
export async function dial(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<{ readonly socket: Socket; readonly address: string } | string> {
  let problem = "no address";
  for (const address of addresses.slice(0, maxTries)) {
    if (signal.aborted) break;
    try {
      return { socket: await dialOne(address, port, signal), address };
    } catch (error) {
      problem = `${address}: ${messageOf(error)}`;
    }
  }
  return `cannot connect: ${problem}`;
}
