import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { ToolName } from "../model/tool.js";
import type { TrustRule, TrustVerdict } from "../model/trust.js";
import { compileGlob } from "../text/glob.js";

interface RuleWish {
  readonly action: TrustVerdict;
  readonly origin: string;
  /** Which tool a name means; throws for a name that no tool has. */
  readonly toolOf: (name: string) => ToolName;
}

const maxLength = 4_096;

function invalid(text: string, why: string): AirlockError {
  return new AirlockError("E_USAGE", `the rule "${escapeText(text.slice(0, 200))}" has a mistake: ${why}`, {
    hint: "a rule is a tool, or a tool and a pattern: read, 'shell:git status *', 'write:src/**', 'aws:s3:Get*'",
  });
}

/** A rule as people write it: `read`, `shell:git *`, `write:src/**`, `aws:s3:Get*`. */
export function parseRule(text: string, { action, origin, toolOf }: RuleWish): TrustRule {
  const [name = "", ...rest] = text.split(":");
  const pattern = rest.length === 0 ? null : rest.join(":").trim();
  const tool = toolOf(name);
  if (pattern === null) return { tool, pattern, action, origin };
  if (pattern === "" || pattern === "*") throw invalid(text, `for the whole tool say ${name}`);
  if (pattern.length > maxLength) throw invalid(text, "it is too long");
  if (tool === "read" || tool === "write" || tool === "glob" || tool === "grep") compileGlob(pattern);
  return { tool, pattern, action, origin };
}
