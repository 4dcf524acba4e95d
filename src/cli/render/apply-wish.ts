import { escapeText } from "../../base/escape.js";
import type { ApplyWish } from "../../session/apply/apply-wish.js";
import { countOf } from "./size.js";

const mostReason = 300;

/** An agent's wish for a review on one line: all of it is the agent's own words, and escaped. */
export function applyWishText({ caller, reason, changes }: ApplyWish, session: string): string {
  const said = reason === "" ? "" : `: "${escapeText(reason).slice(0, mostReason)}"`;
  return `${escapeText(caller)} asks for a review of ${countOf(changes, "change")}${said}; airlock review ${session}`;
}
