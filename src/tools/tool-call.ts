/** Reading, one thing at a time. Lines count from 1; negative ones from the end. */
export type ReadOperation =
  | { readonly mode: "line"; readonly path: string; readonly start: number; readonly end: number }
  | { readonly mode: "directory"; readonly path: string; readonly depth: number; readonly ignore: readonly string[] }
  | { readonly mode: "search"; readonly path: string; readonly pattern: string; readonly context: number }
  | { readonly mode: "image"; readonly path: string };

/** What a `write` does to one file. */
export type WriteChange =
  | { readonly command: "create"; readonly text: string }
  | { readonly command: "str_replace"; readonly old: string; readonly text: string; readonly all: boolean }
  | { readonly command: "insert"; readonly line: number; readonly text: string }
  | { readonly command: "append"; readonly text: string };

/** A tool call in its normal form, whatever dialect it came in. Paths are absolute and lexically normal, as the sandbox sees them. */
export type ToolCall =
  | { readonly tool: "read"; readonly operations: readonly ReadOperation[] }
  | { readonly tool: "write"; readonly path: string; readonly change: WriteChange }
  | {
      readonly tool: "shell";
      readonly command: string;
      readonly folder: string;
      /** Whether the folder was named: a kept shell stays where it is otherwise. */
      readonly enters: boolean;
      readonly timeoutMs: number;
      readonly env: ReadonlyMap<string, string>;
      /** Runs in the caller's kept shell. */
      readonly persistent: boolean;
    }
  | {
      readonly tool: "aws";
      readonly service: string;
      readonly operation: string;
      readonly region: string;
      readonly parameters: Readonly<Record<string, unknown>>;
    }
  | {
      readonly tool: "glob";
      readonly path: string;
      readonly pattern: string;
      readonly depth: number;
      readonly limit: number;
    }
  | {
      readonly tool: "grep";
      readonly path: string;
      readonly pattern: string;
      readonly include: string;
      readonly ignoreCase: boolean;
      readonly mode: "content" | "files" | "count";
      readonly context: number;
      readonly perFile: number;
      readonly limit: number;
      readonly depth: number;
    };

/** Every path that a call names. */
export function pathsOfCall(call: ToolCall): readonly string[] {
  if (call.tool === "read") return [...new Set(call.operations.map(({ path }) => path))];
  if (call.tool === "shell") return [call.folder];
  return call.tool === "aws" ? [] : [call.path];
}

/** The same call with every path replaced by where it really leads. */
export function withPaths(call: ToolCall, real: (path: string) => string): ToolCall {
  if (call.tool === "read") {
    return { ...call, operations: call.operations.map((each) => ({ ...each, path: real(each.path) })) };
  }
  if (call.tool === "shell") return { ...call, folder: real(call.folder) };
  return call.tool === "aws" ? call : { ...call, path: real(call.path) };
}
