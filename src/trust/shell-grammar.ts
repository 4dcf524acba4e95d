import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemCodeOf } from "../base/errors.js";
import { makeReader } from "./read-shell.js";
import type { ReadShell } from "./shell-reading.js";

const parseMs = 250;

// Beside the program once it is built, else where the packages are.
async function readModule(file: string, packageFile: string): Promise<Uint8Array> {
  try {
    return await readFile(join(dirname(fileURLToPath(import.meta.url)), file));
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
    return await readFile(createRequire(import.meta.url).resolve(packageFile));
  }
}

async function load(): Promise<ReadShell> {
  const { Language, Parser } = await import("web-tree-sitter");
  const [engine, grammar] = await Promise.all([
    readModule("web-tree-sitter.wasm", "web-tree-sitter/web-tree-sitter.wasm"),
    readModule("tree-sitter-bash.wasm", "tree-sitter-bash/tree-sitter-bash.wasm"),
  ]);
  await Parser.init({ wasmBinary: engine });
  const parser = new Parser();
  parser.setLanguage(await Language.load(grammar));
  return makeReader((command) => {
    const deadline = performance.now() + parseMs;
    const tree = parser.parse(command, null, { progressCallback: () => performance.now() > deadline });
    // A parse that was stopped would go on with the next text.
    if (tree === null) parser.reset();
    return tree;
  });
}

let loading: Promise<ReadShell> | null = null;

/** The shell's grammar, loaded when the first command is looked at (about 50 ms) and kept. */
export function loadShellGrammar(): Promise<ReadShell> {
  loading ??= load();
  return loading;
}
