/** What a request is known by. */
export type RpcId = string | number;

/** A message of JSON-RPC 2.0: a request (method and id), a notification (method), or an answer (id). */
export interface RpcMessage {
  readonly jsonrpc: "2.0";
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: object;
  readonly result?: unknown;
  readonly error?: unknown;
}

export const rpcCodes = { parse: -32700, invalid: -32600, noMethod: -32601, params: -32602, internal: -32603 } as const;

/** The id in a message; null: it has none that counts. */
export function rpcIdOf(value: unknown): RpcId | null {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

/** Whether a value is such a message. */
export function isRpcMessage(value: unknown): value is RpcMessage {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { jsonrpc, method, params } = value as Readonly<Record<string, unknown>>;
  if (jsonrpc !== "2.0") return false;
  if (method === undefined) return "id" in value && ("result" in value || "error" in value);
  return typeof method === "string" && (params === undefined || (typeof params === "object" && params !== null));
}
