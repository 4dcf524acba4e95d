import type { Command } from "commander";
import type { TrustRule, TrustVerdict } from "../../model/trust.js";
import type { TrustWish } from "../../session/plan.js";
import { toolOfName } from "../../tools/tool-names.js";
import { parseRule } from "../../trust/parse-rule.js";

/** The options about trust that a session can begin with. */
export interface TrustOptions {
  readonly trustTools?: string;
  readonly trustAllTools?: boolean;
  readonly untrustFsRead?: boolean;
}

/** Adds them to a command. */
export function trustOptions(command: Command): Command {
  return command
    .option(
      "--trust-tools <rules>",
      "tools that run without asking, with commas between: read,'shell:git *'; '' for none",
    )
    .option("--trust-all-tools", "every tool runs without asking, for half an hour, on top of a snapshot")
    .option("--untrust-fs-read", "ask also before the workspace is read");
}

const ask = (tool: "read" | "write" | "shell" | "aws", origin: string): TrustRule => ({
  tool,
  pattern: null,
  action: "ask",
  origin,
});

/** What they say, after what the configuration said. */
export function trustWish(
  { trustTools, trustAllTools = false, untrustFsRead = false }: TrustOptions,
  configured: readonly { readonly action: TrustVerdict; readonly text: string; readonly origin: string }[],
): TrustWish {
  const parsed = configured.map(({ action, text, origin }) => parseRule(text, { action, origin, toolOf: toolOfName }));
  const names = trustTools?.split(",").map((name) => name.trim());
  const flagged = (names ?? [])
    .filter((name) => name !== "")
    .map((name) => parseRule(name, { action: "allow", origin: "--trust-tools", toolOf: toolOfName }));
  // As with Kiro, the list says all that is trusted: what is not on it asks.
  const cleared =
    names === undefined ? [] : (["read", "write", "shell", "aws"] as const).map((tool) => ask(tool, "--trust-tools"));
  const rules = [...parsed, ...cleared, ...flagged, ...(untrustFsRead ? [ask("read", "--untrust-fs-read")] : [])];
  return { rules, all: trustAllTools };
}
