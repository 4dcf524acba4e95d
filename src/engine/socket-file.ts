import type { EngineEndpoint } from "../model/engine.js";

/** The socket's path on this machine. */
export function socketFile({ address }: EngineEndpoint): string {
  return address.replace(/^(unix|npipe):\/\//, "");
}
