import type { Socket } from "node:net";
import type { WireStream } from "../wire/stream.js";

/** Joins a connection of this machine with a stream to a port inside; null for a stream closes it. */
export function joinForward(socket: Socket, stream: WireStream | null): void {
  if (stream === null) {
    socket.destroy();
    return;
  }
  socket.on("error", () => stream.reset());
  socket.on("data", (chunk: Buffer) => {
    if (!stream.write(chunk)) socket.pause();
  });
  socket.on("end", () => stream.end());
  socket.on("close", (hadError) => void (hadError && stream.reset()));
  stream.events = {
    onData: (piece) => void socket.write(piece, () => stream.consumed(piece.length)),
    onEnd: () => void socket.end(),
    onDrain: () => void socket.resume(),
    onClose: (clean) => void (clean || socket.destroy()),
  };
}
