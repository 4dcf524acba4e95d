import { AirlockError, messageOf } from "../base/errors.js";
import type { AwsKeys } from "./model.js";

const earlyMs = 5 * 60_000;
const pauseMs = 10_000;

/**
 * Hands out keys and gets others shortly before they end. Whoever asks meanwhile waits for the same answer; after a failure nobody is
 * asked for a while; and keys that have ended are never handed out, whatever the failure.
 */
export function keepFresh(
  issue: () => Promise<AwsKeys>,
  now: () => number = Date.now,
): { keys(): Promise<AwsKeys>; close(): void } {
  let held: { readonly keys: AwsKeys; readonly renewAt: number } | null = null;
  let underway: Promise<AwsKeys> | null = null;
  let failure: { readonly error: unknown; readonly until: number } | null = null;
  let isClosed = false;

  const isUsable = (): boolean => held !== null && (held.keys.expiresAt ?? Number.POSITIVE_INFINITY) > now();
  const renew = async (): Promise<AwsKeys> => {
    try {
      const keys = await issue();
      const end = keys.expiresAt ?? Number.POSITIVE_INFINITY;
      if (!isClosed) held = { keys, renewAt: end - Math.min(earlyMs, (end - now()) / 5) };
      failure = null;
      return keys;
    } catch (error) {
      failure = { error, until: now() + pauseMs };
      throw error;
    } finally {
      underway = null;
    }
  };

  return {
    async keys() {
      if (isClosed) throw new AirlockError("E_AWS_CREDENTIALS", "the session's AWS credentials were dropped");
      if (held !== null && now() < held.renewAt) return held.keys;
      if (failure === null || now() >= failure.until) {
        underway ??= renew();
        // What is still good is used while its successor is on its way, and when it does not come.
        const next = underway;
        if (!isUsable()) return await next;
        return await next.catch(() => (isUsable() && held !== null ? held.keys : Promise.reject(expired())));
      }
      if (isUsable() && held !== null) return held.keys;
      throw failure.error;
    },
    close() {
      isClosed = true;
      held = null;
    },
  };

  function expired(): AirlockError {
    const reason = failure === null ? "" : `: ${messageOf(failure.error)}`;
    return new AirlockError("E_AWS_CREDENTIALS", `the session's AWS credentials ended and were not renewed${reason}`);
  }
}
