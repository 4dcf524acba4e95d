import { displayPath, escapeText } from "../../base/escape.js";
import type { LeftChange } from "../../session/apply/feedback.js";

/** The note for the agent: plain sentences, one line a path. */
export function formatFeedback(left: readonly LeftChange[]): string {
  if (left.length === 0) return "nothing of this session was rejected";
  const lines = left.map(({ change: { path, kind }, reason }) => {
    const why = reason === "" ? "no reason was given" : escapeText(reason);
    return `- ${displayPath(path)} (${kind}): ${why}`;
  });
  return [
    "A person reviewed your changes. These were not taken over into the project; they still stand in your workspace:",
    ...lines,
    "Change them as the reasons ask, or put back what was there. Do not make them again in another way.",
  ].join("\n");
}
