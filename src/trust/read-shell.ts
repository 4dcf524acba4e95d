import type { Node, Tree } from "web-tree-sitter";
import type { ReadShell, ShellReading, ShellRedirect, ShellWord } from "./shell-reading.js";

/** Beyond this a person would say yes to what they have not read; a known way around prompts is the fifty-first command. */
const maxCommands = 50;
const maxBytes = 16 * 1024;

interface Findings {
  readonly commands: ShellWord[][];
  readonly redirects: ShellRedirect[];
  unclear: string | null;
}

type Visit = (node: Node, found: Findings) => void;

function unclear(found: Findings, why: string): void {
  found.unclear ??= why;
}

function visitChildren(node: Node, found: Findings): void {
  for (const child of node.namedChildren) if (child !== null) visit(child, found);
}

// What a quoted or plain word stands for. Only what the shell passes on unchanged is fixed; anything else is made up at run time.
function wordText(node: Node): ShellWord {
  switch (node.type) {
    case "word":
      return plainWord(node.text);
    case "number":
    case "extglob_pattern":
      return /^[0-9]+$/.test(node.text) ? node.text : null;
    case "raw_string":
      return node.text.slice(1, -1);
    case "string":
      return quotedText(node);
    case "command_name":
      return node.namedChildCount === 1 && node.namedChild(0) !== null ? wordText(node.namedChild(0) as Node) : null;
    case "concatenation": {
      // Its parts must cover it, or something between them was not understood.
      const parts = node.children.map((child) => (child === null ? null : wordText(child)));
      const length = node.children.reduce((sum, child) => sum + (child?.text.length ?? 0), 0);
      return parts.includes(null) || length !== node.text.length ? null : parts.join("");
    }
    default:
      return null;
  }
}

// A backslash keeps the next character; globs, braces and a tilde are the shell's to expand.
function plainWord(text: string): ShellWord {
  let result = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === "\\") {
      at += 1;
      if (text[at] === undefined || text[at] === "\n") return null;
      result += text[at];
    } else if (/[*?[\]{}~$`!'"()<>|&;\s]/.test(character)) return null;
    else result += character;
  }
  return result;
}

function quotedText(node: Node): ShellWord {
  const inner = node.text.slice(1, -1);
  if (!node.text.startsWith('"') || node.namedChildren.some((child) => child?.type !== "string_content")) return null;
  return /[\\$`!]/.test(inner) ? null : inner;
}

function visitCommand(node: Node, found: Findings): void {
  const words: ShellWord[] = [];
  for (const child of node.namedChildren) {
    if (child === null) continue;
    if (child.type === "variable_assignment") unclear(found, `it sets ${child.text.split("=")[0]} for a command`);
    else if (child.type === "file_redirect" || child.type === "herestring_redirect") visit(child, found);
    else {
      words.push(wordText(child));
      visitInside(child, found);
    }
  }
  if (words.length === 0) {
    unclear(found, "it has a command without a name");
    return;
  }
  if (words[0] === null) unclear(found, "the name of a command is made up when it runs");
  found.commands.push(words);
}

// What a word holds besides text: substitutions run commands of their own.
function visitInside(node: Node, found: Findings): void {
  if (node.type === "command_substitution" || node.type === "process_substitution") {
    visitChildren(node, found);
    return;
  }
  // `${x}` is a variable; with anything more it may evaluate what is in one.
  const isPlainExpansion = node.type === "expansion" && /^\$\{\w+\}$/.test(node.text);
  if (!insideWords.has(node.type) && !isPlainExpansion) unclear(found, `it holds a ${node.type.replaceAll("_", " ")}`);
  for (const child of node.namedChildren) if (child !== null) visitInside(child, found);
}

const insideWords = new Set([
  "command_name",
  "concatenation",
  "herestring_redirect",
  "raw_string",
  "simple_expansion",
  "special_variable_name",
  "string",
  "string_content",
  "variable_name",
  "word",
  "number",
]);

const writing = /^(\d*|&)(>|>>|>\||<>)$/;

function visitRedirect(node: Node, found: Findings): void {
  const target = node.childForFieldName("destination");
  const operator = node.children.find((child) => child !== null && !child.isNamed)?.type ?? "";
  if (target === null) {
    unclear(found, "it has a redirection to nowhere");
    return;
  }
  visitInside(target, found);
  const path = wordText(target);
  // `2>&1` and `>&-` give one stream to another.
  if ((operator === ">&" || operator === "<&") && path !== null && /^(\d+|-)$/.test(path)) return;
  if (operator === "<") found.redirects.push({ kind: "read", path });
  else if (writing.test(operator) || operator === "&>" || operator === "&>>" || operator === ">&")
    found.redirects.push({ kind: "write", path });
  else unclear(found, `it has a redirection by ${operator}`);
}

// Everything that is not here could do what nobody has thought of: functions and aliases give names a new meaning, declarations
// and assignments change how programs behave, tests and arithmetic evaluate what they are given.
const visits: Readonly<Record<string, Visit>> = {
  program: visitChildren,
  list: visitChildren,
  pipeline: visitChildren,
  subshell: visitChildren,
  compound_statement: visitChildren,
  negated_command: visitChildren,
  redirected_statement: visitChildren,
  command: visitCommand,
  file_redirect: visitRedirect,
  herestring_redirect: visitInside,
  comment: () => undefined,
};

function visit(node: Node, found: Findings): void {
  const how = Object.hasOwn(visits, node.type) ? visits[node.type] : undefined;
  if (how !== undefined) {
    how(node, found);
    return;
  }
  unclear(found, `it holds a ${node.type.replaceAll("_", " ")}`);
  // What is in there is looked at all the same: what is denied is denied wherever it stands.
  visitChildren(node, found);
}

/** Reads a command line with a grammar of the shell's; what the grammar does not take, or this does not know, is unclear. */
export function readTree(tree: Tree, command: string): ShellReading {
  const found: Findings = { commands: [], redirects: [], unclear: null };
  if (tree.rootNode.hasError) unclear(found, "it is not understood as a command line");
  visit(tree.rootNode, found);
  if (found.commands.length > maxCommands)
    return { kind: "too-long", why: `it is more than ${maxCommands} commands in one` };
  // What a grammar skips and a shell does not, or the other way round.
  if (/[^\P{Cc}\t\n]|\\\n/u.test(command)) unclear(found, "it has control characters or a line that goes on");
  if (found.unclear !== null) {
    return { kind: "unclear", why: found.unclear, commands: found.commands, redirects: found.redirects };
  }
  return { kind: "read", commands: found.commands, redirects: found.redirects };
}

/** Makes a reader of what parses; too long is said before anything is parsed. */
export function makeReader(parse: (command: string) => Tree | null): ReadShell {
  return (command) => {
    if (Buffer.byteLength(command) > maxBytes) return { kind: "too-long", why: `it is longer than ${maxBytes} bytes` };
    const tree = parse(command);
    if (tree === null) return { kind: "unclear", why: "it could not be parsed in time", commands: [], redirects: [] };
    try {
      return readTree(tree, command);
    } finally {
      tree.delete();
    }
  };
}
