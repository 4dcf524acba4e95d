import { posix } from "node:path";
import { encodePath } from "../base/byte-path.js";
import { AirlockError } from "../base/errors.js";
import { displayPath } from "../base/escape.js";

/** Where relative paths and `~` lead. */
export interface ToolPlace {
  readonly workspace: string;
  readonly home: string;
}

const maxPathBytes = 4_095;
// Lone surrogates stand for bytes that are no UTF-8; any other half of a pair stands for nothing.
const halfPair = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udc7f\udd00-\udfff]/;

function refuse(path: string, why: string): never {
  throw new AirlockError("E_TOOL_ARGUMENTS", `the path ${displayPath(path.slice(0, 200))} ${why}`);
}

/**
 * The absolute, lexically normal form of a path that an agent gave: `..` is taken out before any link is looked at, so what is
 * decided on is what it says. Throws `E_TOOL_ARGUMENTS` for what is no path.
 */
export function normalPath(text: string, { workspace, home }: ToolPlace): string {
  if (text === "") refuse(text, "is empty");
  if (text.includes("\0")) refuse(text, "holds a NUL");
  if (halfPair.test(text)) refuse(text, "holds half a character");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) refuse(text, "is a URL; give a path of the sandbox");
  const expanded = text === "~" || text.startsWith("~/") ? `${home}/${text.slice(2)}` : text;
  const path = posix.resolve(workspace, expanded);
  if (encodePath(path).length > maxPathBytes) refuse(text, `is longer than ${maxPathBytes} bytes`);
  return path;
}
