import type { SessionRecord } from "../../model/session.js";
import type { TrustAll } from "../../model/trust.js";
import type { Workbench } from "../workbench.js";
import type { TrustAllAccount } from "./trust-all.js";
import { hasTrust } from "./trust-place.js";

/** Told of each trust in everything that has ended, by whatever. */
export type OnTrustEnd = (account: TrustAllAccount, session: string) => void;

export interface TrustWatch extends AsyncDisposable {
  /** Looks now; without `tells` whoever looks has told already what there is to say. */
  look(tells?: boolean): Promise<void>;
}

const everyMs = 500;

/**
 * Ends a trust in everything when its time is over, and says so, as long as somebody lives who watches: not only when the next call
 * is decided. Where nothing was ever said about trust it costs one look at a file name.
 */
export function watchTrust(
  bench: Workbench,
  record: Pick<SessionRecord, "id" | "workspace">,
  onEnd: OnTrustEnd,
): TrustWatch {
  let known: TrustAll | null = null;
  let turn: Promise<void> = Promise.resolve();
  const look = async (tells: boolean): Promise<void> => {
    if (!(await hasTrust(bench.home, record.id))) return;
    const { accountOf, endReason, endTrustAll } = await import("./trust-all.js");
    const [{ loadTrust }, { isTrustingAll }] = await Promise.all([
      import("./trust-file.js"),
      import("../../trust/decide.js"),
    ]);
    const state = await loadTrust(bench.home, record);
    const { trustAll } = state;
    const before = known;
    known = trustAll;
    if (trustAll !== null && !isTrustingAll(state, Date.now())) {
      known = null;
      const account = await endTrustAll(bench, record, endReason(trustAll));
      if (tells) onEnd(account ?? (await accountOf(bench, record, trustAll)), record.id);
    } else if (tells && before !== null && trustAll === null) {
      onEnd(await accountOf(bench, record, before), record.id);
    }
  };
  // A file that cannot be read trusts nothing; what could not be written down is tried again.
  const next = (tells = true): Promise<void> => {
    turn = turn.then(() => look(tells)).catch(() => undefined);
    return turn;
  };
  const timer = setInterval(() => void next(), everyMs);
  timer.unref();
  return {
    look: next,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await turn;
    },
  };
}
