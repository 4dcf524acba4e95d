import type { TrustSubject } from "../../model/tool.js";
import { canonicalNames } from "../../risk/canonical.js";
import { hiddenTextReasons } from "../../risk/hidden-text.js";
import { catalogueEntries } from "../../risk/match-catalogue.js";
import { nameReasons } from "../../risk/name-reasons.js";
import type { ToolCall } from "../../tools/tool-call.js";

function pathRisks(path: string, workspace: string): string[] {
  if (!path.startsWith(`${workspace}/`)) return [`${path} is outside the project: no review shows what becomes of it`];
  const below = path.slice(workspace.length + 1);
  const reasons = [
    ...nameReasons(below).high,
    ...catalogueEntries(canonicalNames(below), false).map((each) => each.reason),
  ];
  return [...new Set(reasons)].map((reason) => `${below} ${reason}`);
}

function textsOf(call: ToolCall): string[] {
  if (call.tool === "shell") return [call.command];
  if (call.tool !== "write") return [];
  const { change } = call;
  return "old" in change ? [change.old, change.text] : [change.text];
}

/** What a person has to know of a call before anything else: what it writes matters to the host, or reads otherwise than it is. */
export function callRisks(
  call: ToolCall,
  subject: TrustSubject,
  targets: readonly string[],
  workspace: string,
): string[] {
  const led = subject.tool === "shell" ? [...(subject.links?.values() ?? [])] : [];
  const written = subject.tool === "write" ? subject.paths : [...new Set([...targets, ...led])];
  const hidden = textsOf(call).flatMap((text) => hiddenTextReasons("", null, Buffer.from(text), true));
  return [
    ...written.flatMap((path) => pathRisks(path, workspace)),
    ...[...new Set(hidden)].map((reason) => `the ${call.tool === "shell" ? "command" : "text"} ${reason}`),
  ];
}
