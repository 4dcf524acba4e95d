import type { Connected } from "./connected.js";
import type { Host } from "./host-name.js";

/** How connections to one host end on this machine. */
export interface Ending {
  /** What allows them where the network's policy is not asked; null: it is. */
  readonly rule: string | null;
  /** The other end. Addresses are those that were checked; `broken` is told why the end failed after it was made. */
  connect(addresses: readonly string[], broken: (why: string) => void): Promise<Connected | string>;
}

/** Knows the connections that are not passed on as they are. */
export interface Interceptor {
  /** Null: they go to the host itself. */
  endingOf(host: Host, port: number): Ending | null;
}
