import type { StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import * as z from "zod";

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * A schema that is told to the client and checks nothing: the arguments of a tool are parsed behind the desk, where both dialects of them
 * are known, and a mistake in them becomes the answer of a call, which an agent can read and mend.
 */
export function toldSchema<T>(schema: JsonSchema): StandardSchemaWithJSON<T, T> {
  return {
    "~standard": {
      version: 1,
      vendor: "airlock",
      validate: (value) => ({ value: value as T }),
      jsonSchema: { input: () => ({ ...schema }), output: () => ({ ...schema }) },
    },
  };
}

const text = (description: string): JsonSchema => ({ type: "string", description });
const texts = (description: string): JsonSchema => ({ type: "array", items: { type: "string" }, description });
const flag = (description: string): JsonSchema => ({ type: "boolean", description });
const whole = (description: string): JsonSchema => ({ type: "integer", description });

function object(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[]): JsonSchema {
  return { type: "object", properties, required, additionalProperties: false };
}

const summary = text("What this is for, in a few words; shown to the person who is asked.");

/** Arguments of the sandbox's tools as a client is told of them: Kiro's shapes. */
export const argumentSchemas = {
  read: object(
    {
      operations: {
        type: "array",
        minItems: 1,
        description: "What to read; several are answered in order.",
        items: object(
          {
            mode: { type: "string", enum: ["Line", "Directory", "Search", "Image"] },
            path: text("File or folder; relative to the project, or absolute inside the sandbox."),
            image_paths: texts("For Image: the files."),
            start_line: whole("For Line: first line, 1 by default; negative counts from the end."),
            end_line: whole("For Line: last line, -1 (the end) by default."),
            pattern: text("For Search: the text looked for, without regard to case."),
            context_lines: whole("For Search: lines around each hit, 2 by default."),
            depth: whole("For Directory: how many levels below it, 0 by default."),
          },
          ["mode"],
        ),
      },
      summary,
    },
    ["operations"],
  ),
  write: object(
    {
      command: { type: "string", enum: ["create", "str_replace", "insert", "append"] },
      path: text("The file; relative to the project, or absolute inside the sandbox."),
      file_text: text("For create: the whole content."),
      old_str: text("For str_replace: text that stands in the file exactly once."),
      new_str: text("For str_replace, insert and append: the new text."),
      replace_all: flag("For str_replace: in every place."),
      insert_line: whole("For insert: the line after which it goes; 0 is the beginning."),
      summary,
    },
    ["command", "path"],
  ),
  shell: object(
    {
      command: text("Run by bash in the sandbox."),
      cwd: text("Folder it runs in; the project by default."),
      timeout: { type: "number", description: "Seconds after which it is ended." },
      persistent: flag(
        "Runs in a shell that is kept: folder, variables and functions stay for the next such command. Without env.",
      ),
      env: { type: "object", additionalProperties: { type: "string" }, description: "Further variables." },
      summary,
    },
    ["command"],
  ),
  aws: object(
    {
      service_name: text("For example s3."),
      operation_name: text("For example list-buckets."),
      parameters: { type: "object", description: "Parameters by name." },
      region: text("For example eu-central-1."),
      label: text("What this is for."),
    },
    ["service_name", "operation_name", "region"],
  ),
  glob: object(
    { pattern: text("For example src/**/*.ts."), path: text("Folder to look in; the project by default.") },
    ["pattern"],
  ),
  grep: object(
    {
      pattern: text("A regular expression."),
      path: text("File or folder to look in; the project by default."),
      include: text("Only files whose path fits this glob."),
      case_sensitive: flag("True by default."),
      output_mode: { type: "string", enum: ["content", "files_with_matches", "count"] },
      context_lines: whole("Lines around each hit."),
    },
    ["pattern"],
  ),
} as const satisfies Readonly<Record<string, JsonSchema>>;

/** What a tool of the sandbox hands back: the fields are the tool's own. */
export const resultSchema = toldSchema<Record<string, unknown>>({ type: "object", additionalProperties: true });

/** Arguments of the tools that work on the session itself. */
export const sessionArguments = {
  snapshot: z.strictObject({ message: z.string().max(500).default("").describe("What the snapshot is for.") }),
  restore: z.strictObject({
    snapshot: z
      .string()
      .regex(/^s\d{1,9}$/)
      .describe("The snapshot to go back to, for example s2."),
  }),
  diff: z.strictObject({
    paths: z.array(z.string().max(4096)).max(1000).default([]).describe("Only these paths of the project."),
  }),
  status: z.strictObject({}),
  request_apply: z.strictObject({
    reason: z.string().max(2000).default("").describe("What was done and why it should reach the project."),
  }),
} as const;

function answer(
  properties: Readonly<Record<string, JsonSchema>>,
): ReturnType<typeof toldSchema<Record<string, unknown>>> {
  const all = { session: text("The session's id."), ...properties };
  return toldSchema({ type: "object", properties: all, required: Object.keys(all), additionalProperties: true });
}

const change = {
  type: "object",
  properties: { path: text("The path in the project."), kind: text("added, modified, deleted …") },
  required: ["path", "kind"],
  additionalProperties: true,
};

/** What the tools that work on the session hand back; there may be more than is told. */
export const sessionResults = {
  snapshot: answer({ id: text("The snapshot's name."), files: whole("Entries in it."), bytes: whole("Their size.") }),
  restore: answer({ restored: text("The snapshot."), before: text("What was there before, as a snapshot.") }),
  diff: answer({
    changes: { type: "array", items: change, description: "Deletions and what is risky first." },
    left: whole("Changes that are not listed because there are so many."),
  }),
  status: answer({ state: text("running, stopped …"), project: text("On the host."), workspace: text("Inside.") }),
  request_apply: answer({
    applied: { type: "boolean", const: false, description: "Never: a person applies." },
    changes: whole("How many there are to review."),
    command: text("What a person runs to review them."),
  }),
} as const;
