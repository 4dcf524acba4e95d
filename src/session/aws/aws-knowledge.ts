import { denialAnswer } from "../../aws/answer.js";
import { effectsOf } from "../../aws/effects.js";
import { endpointOf } from "../../aws/hosts.js";
import { bodyWish, identify } from "../../aws/identify.js";
import type { AwsTable } from "../../aws/table.js";
import type { AwsKnowledge } from "../../gateway/house.js";

const kinds = { denied: "denied", pending: "denied", "dry-run": "would-have", signature: "signature" } as const;

/** What the gateway has to know of AWS. */
export function awsKnowledge(table: AwsTable): AwsKnowledge {
  return {
    bodyWish: (head) => bodyWish(table, head),
    identify: (request) => identify(table, request),
    endpointOf: (call) => endpointOf(table, call),
    effectsOf: (call, answer) => effectsOf(call, answer),
    answer(asker, { kind, message, requestId }) {
      const answer = denialAnswer(asker, { kind: kind === "unavailable" ? "denied" : kinds[kind], message, requestId });
      // Clients try again by themselves what did not come through, and only that.
      return kind === "unavailable" ? { ...answer, status: 503 } : answer;
    },
  };
}
