import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import { type ToolName, toolNames } from "../model/tool.js";

// Kiro's older names, and those of its second engine. `ls` and `imageRead` are what `read` does.
const aliases: Readonly<Record<string, ToolName>> = {
  fs_read: "read",
  fsRead: "read",
  ls: "read",
  imageRead: "read",
  image_read: "read",
  fs_write: "write",
  fsWrite: "write",
  execute_bash: "shell",
  executeBash: "shell",
  execute_cmd: "shell",
  executeCmd: "shell",
  use_aws: "aws",
  useAws: "aws",
};

/** The tool behind a name or an alias; exactly as it is written, so that no look-alike is one. Throws `E_TOOL_ARGUMENTS`. */
export function toolOfName(name: string): ToolName {
  const own = toolNames.find((each) => each === name);
  if (own !== undefined) return own;
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  if (alias !== undefined) return alias;
  const close = [...toolNames, ...Object.keys(aliases)].find((each) => each.toLowerCase() === name.toLowerCase());
  throw new AirlockError("E_TOOL_ARGUMENTS", `there is no tool "${escapeText(name.slice(0, 100))}"`, {
    hint: close === undefined ? `the tools are ${toolNames.join(", ")}` : `it is called ${close}`,
  });
}
