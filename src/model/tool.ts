/** What an agent may ask for: Kiro's names. */
export const toolNames = ["read", "write", "shell", "aws", "glob", "grep"] as const;

export type ToolName = (typeof toolNames)[number];

/** Who asks: `cli`, `mcp:<client>`, `hook:<agent>`. Told by the caller itself, so a claim; escaped before it is shown. */
export type Caller = string;

/** What a call would touch, as far as trust is decided by it. Paths are absolute and lexically normal, as the sandbox sees them. */
export type TrustSubject =
  | {
      readonly tool: "shell";
      readonly command: string;
      readonly folder: string;
      /** Names of the variables that the call sets for it. */
      readonly variables: readonly string[];
      /** Runs in a shell that is kept: what was run there before decides what its words mean, and where it is. */
      readonly isKept: boolean;
      /** Where redirections really lead, of those that lead somewhere else than they say. */
      readonly links?: ReadonlyMap<string, string>;
    }
  | { readonly tool: "read" | "write" | "glob" | "grep"; readonly paths: readonly string[] }
  | { readonly tool: "aws"; readonly service: string; readonly operation: string; readonly region: string };

/** What came of a call. `denied` and `failed` carry a text that the agent is given; the rest is the tool's own. */
export type ToolOutcome =
  | { readonly kind: "done"; readonly result: Readonly<Record<string, unknown>> }
  | { readonly kind: "denied"; readonly code: "policy" | "person" | "pending"; readonly text: string }
  | { readonly kind: "failed"; readonly text: string };
