import type { CredentialTrace } from "../../credentials/model.js";
import type { ReceiptCheck } from "../discard.js";

/** What is on the disk of a session's credentials. */
export interface IssuedCredentials {
  readonly mode: "gateway" | "direct";
  /** Null: none were opened. */
  readonly trace: CredentialTrace | null;
}

/**
 * Makes a session's AWS credentials useless, and says whether they are. In gateway mode they never left the host's process, which has
 * ended: that AWS refuses them too is a second lock. In direct mode it is the only one.
 */
export async function takeBackCredentials(
  issued: IssuedCredentials | null,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<ReceiptCheck[]> {
  if (issued === null) return [{ what: "credentials (none were handed out)", gone: true }];
  const { mode, trace } = issued;
  const dropped: ReceiptCheck[] =
    mode === "gateway" ? [{ what: "credentials (AWS keys never left the host, and are forgotten)", gone: true }] : [];
  if (trace === null || trace.kind === "unscoped" || trace.expiresAt === null)
    return dropped.length > 0 ? dropped : [{ what: "credentials (none were handed out)", gone: true }];
  const { revokeCredentials } = await import("../../credentials/revoke.js");
  const { what, isOver, command } = await revokeCredentials(trace, environment, signal);
  const check = { what, gone: isOver || mode === "gateway" };
  return [...dropped, command === null ? check : { ...check, todo: command }];
}
