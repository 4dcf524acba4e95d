import { createHash } from "node:crypto";
import { escapeText } from "../base/escape.js";
import type { QuestionSubject } from "../model/question.js";

const longestField = 2_000;
const shownEnds = 800;

/**
 * One field of a question on one line: escaped, and when it is long its two ends with length and hash, so that nothing in it can push the
 * rest out of sight or pass for another field.
 */
function field(name: string, text: string): string {
  const safe = escapeText(text);
  if (safe.length <= longestField) return `${name}: ${safe}`;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return `${name}: ${safe.slice(0, shownEnds)} […${safe.length - 2 * shownEnds} characters, sha256 ${hash}…] ${safe.slice(-shownEnds)}`;
}

const listed = (name: string, texts: readonly string[]): string[] =>
  texts.slice(0, 20).map((text) => field(name, text));

function awsLines(subject: QuestionSubject & { readonly kind: "aws" }): string[] {
  const { words, action, level, resources, account, region, parameters, bodyHash, why } = subject;
  const others = resources.length > 20 ? [`  and ${resources.length - 20} more`] : [];
  return [
    field("would", words),
    field("action", `${action} (${level})`),
    ...listed("on", resources),
    ...others,
    field("account", account ?? "not known"),
    field("region", region),
    field("parameters", parameters === "" ? "none" : parameters),
    ...(bodyHash === null ? ["the body is not looked at: what you allow is this one request, whatever it holds"] : []),
    field("why you are asked", why),
  ];
}

/** What is asked about, a line each, what is dangerous first; every part from outside is escaped. */
export function questionLines(subject: QuestionSubject): string[] {
  if (subject.kind === "network") {
    return [
      field("connect to", `${subject.name}:${subject.port}`),
      ...(subject.program === null ? [] : [field("program, as the sandbox claims", subject.program)]),
    ];
  }
  if (subject.kind === "aws") return awsLines(subject);
  return [
    ...listed("RISK", subject.risk),
    field("tool", subject.tool),
    ...Object.entries(subject.arguments).map(([name, value]) =>
      field(`  ${escapeText(name).slice(0, 60)}`, typeof value === "string" ? value : (JSON.stringify(value) ?? "")),
    ),
    field("folder", subject.folder),
    ...listed("touches", subject.touches),
    field("why you are asked", subject.why),
  ];
}
