import { type Duplex, duplexPair } from "node:stream";

/** Two ends of one connection within this process. Where one is torn down, the other is, too. */
export function connectedPair(): readonly [Duplex, Duplex] {
  const [one, other] = duplexPair();
  const bind = (from: Duplex, to: Duplex): void => {
    from.once("close", () => {
      // Who has said everything and heard everything leaves in order.
      if (from.writableFinished && from.readableEnded) return;
      to.destroy(new Error("the other end was closed"));
    });
    from.on("error", () => undefined);
  };
  bind(one, other);
  bind(other, one);
  return [one, other];
}
