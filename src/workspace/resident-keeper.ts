import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ByteChannel } from "../model/engine.js";
import { KeeperClient } from "./keeper-client.js";

const socketName = "keeper.sock";
/** Longer than a busy machine needs to fork a process; after that an exec is asked for instead. */
const patienceMs = 2_000;

// By the handle of its folder: neither the folder's name can be swapped under us, nor does its length matter (a socket's
// address has 108 bytes).
function connect(folder: FileHandle): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: `/proc/self/fd/${folder.fd}/${socketName}` });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function channelOf(socket: Socket): ByteChannel {
  return {
    stdin: socket,
    stdout: socket,
    stderr: null,
    async [Symbol.asyncDispose]() {
      if (socket.closed) return;
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.destroy();
      await closed;
    },
  };
}

/** A keeper that says nothing within its time is none: its container may be frozen, or another machine's. */
async function greet(client: KeeperClient): Promise<boolean> {
  const hello = client.hello().then(() => true);
  hello.catch(() => undefined);
  return await Promise.race([hello, sleep(patienceMs, false, { ref: false })]);
}

/**
 * Connects to the keeper that listens in a folder of the state folder. Null when none answers there, or the folder is not
 * ours alone: then the way is an exec, which always works.
 */
export async function connectResident(folder: string, uid: number): Promise<KeeperClient | null> {
  try {
    await using handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const found = await handle.stat();
    if (found.uid !== uid || (found.mode & 0o077) !== 0) return null;
    const client = new KeeperClient(channelOf(await connect(handle)));
    if (await greet(client).catch(() => false)) return client;
    await client[Symbol.asyncDispose]();
  } catch {
    // Not there, stale, or not this system's way of naming open folders.
  }
  return null;
}
