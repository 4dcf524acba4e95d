import * as z from "zod";

const maxText = 4 * 1024 * 1024;
const maxCommand = 120_000;
const path = z.string().min(1).max(4_096);
const summary = z.string().max(10_000).optional().describe("what this is for; ignored");
const depth = z.int().min(0).max(64);
const count = z.int().min(1).max(100_000);
const text = z.string().max(maxText);
const word = z.string().min(1).max(256);

const line = z.int().min(-1_000_000_000).max(1_000_000_000);

/** Kiro's `fs_read` operation, and the second engine's (`limit`, `offset`). */
export const readOperationSchema = z.strictObject({
  mode: z
    .enum(["Line", "Directory", "Search", "Image", "line", "directory", "search", "image"])
    .optional()
    .describe("Line (the default), Directory, Search or Image"),
  path: path.optional().describe("file or folder; relative to the workspace, or absolute"),
  image_paths: z.array(path).min(1).max(10).optional().describe("for Image"),
  start_line: line.optional().describe("for Line: first line, from 1; negative: from the end"),
  end_line: line.optional().describe("for Line: last line; -1 is the last of the file"),
  offset: z.int().min(0).max(1_000_000_000).optional().describe("for Line: lines to pass over"),
  limit: z.int().min(1).max(1_000_000_000).optional().describe("for Line: how many lines"),
  pattern: z.string().min(1).max(4_096).optional().describe("for Search: text to look for, in any case"),
  context_lines: z.int().min(0).max(100).optional().describe("for Search: lines around a match, 2 unless told"),
  depth: depth.optional().describe("for Directory: how far down, 0 unless told"),
  ignore: z.array(z.string().min(1).max(256)).max(50).optional().describe("for Directory: names to leave out"),
});

export const readSchema = z.strictObject({
  operations: z.array(readOperationSchema).min(1).max(32).describe("what to read"),
  summary,
});

export const writeSchema = z.strictObject({
  command: z.enum(["create", "str_replace", "insert", "append"]).describe("what to do with the file"),
  path: path.describe("the file"),
  file_text: text.optional().describe("for create: the whole content"),
  content: text.optional().describe("the same as file_text"),
  old_str: text.optional().describe("for str_replace: what to replace; exactly one place must have it"),
  new_str: text.optional().describe("for str_replace, insert and append: the new text"),
  replace_all: z.boolean().optional().describe("for str_replace: every place"),
  insert_line: z
    .int()
    .min(0)
    .max(1_000_000_000)
    .optional()
    .describe("for insert: the line after which it goes; 0: first"),
  summary,
});

export const shellSchema = z.strictObject({
  command: z.string().min(1).max(maxCommand).describe("for bash, or sh where the image has no bash"),
  cwd: path.optional().describe("folder; the workspace unless told"),
  timeout: z.number().positive().max(86_400).optional().describe("seconds after which it is killed; 600 unless told"),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/), z.string().max(65_536))
    .optional()
    .describe("variables of this command"),
  persistent: z
    .boolean()
    .optional()
    .describe("in a shell that is kept: folder, variables and functions stay for the next such command"),
  summary,
});

export const awsSchema = z.strictObject({
  service_name: word.optional(),
  service: word.optional(),
  operation_name: word.optional(),
  operation: word.optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  region: word,
  profile_name: word.optional(),
  label: z.string().max(10_000).optional(),
  summary,
});

export const globSchema = z.strictObject({
  pattern: z.string().min(1).max(1_024).describe("such as src/**/*.{ts,tsx}"),
  path: path.optional().describe("folder; the workspace unless told"),
  limit: count.optional().describe("most files, 1000 unless told"),
  max_depth: depth.optional(),
  summary,
});

export const grepSchema = z.strictObject({
  pattern: z.string().min(1).max(4_096).describe("a regular expression, without look-around"),
  path: path.optional().describe("file or folder; the workspace unless told"),
  include: z.string().min(1).max(1_024).optional().describe("only files like this, such as *.{c,h}"),
  case_sensitive: z.boolean().optional().describe("true unless told"),
  output_mode: z.enum(["content", "files_with_matches", "count"]).optional(),
  context_lines: z.int().min(0).max(100).optional().describe("lines around a match"),
  max_matches_per_file: count.optional(),
  max_files: count.optional().describe("most files, with files_with_matches and count"),
  max_total_lines: count.optional().describe("most lines, 1000 unless told"),
  max_depth: depth.optional(),
  summary,
});
