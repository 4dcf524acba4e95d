import { describeCall } from "../../aws/words.js";
import type { Approval } from "../../gateway/approvals.js";
import type { AskedCall } from "../../gateway/house.js";
import { askSession } from "../tools/ask-session.js";
import type { Workbench } from "../workbench.js";

/** Longer than the call itself waits: its answer is found when the call is made again. */
const answerSeconds = 300;
const maxResources = 50;

interface Asking {
  readonly session: string;
  readonly account: string | null;
  readonly signal: AbortSignal;
}

/** Asks people about a call of AWS. */
export async function askAws(bench: Workbench, asked: AskedCall, asking: Asking): Promise<Approval> {
  const { call, decision, parameters, bodyHash } = asked;
  const { verdict, scope, reason, by } = await askSession(bench, asking.session, {
    subject: {
      kind: "aws",
      words: describeCall(call),
      action: `${call.service}:${call.operation}`,
      level: call.level,
      resources: call.resources.slice(0, maxResources).map(({ kind, value }) => `${kind} ${value}`),
      account: asking.account,
      region: call.region,
      parameters,
      bodyHash,
      why: decision.why,
    },
    caller: "a program in the sandbox",
    seconds: answerSeconds,
    signal: asking.signal,
    asker: null,
  });
  return { verdict, forSession: verdict === "allow" && scope !== "once", reason, by };
}
