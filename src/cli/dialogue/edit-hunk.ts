import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePath } from "../../base/byte-path.js";
import { hasDangerousCharacters } from "../../base/escape.js";

type Edited = { readonly text: string } | { readonly problem: string };

// Editors obey lines near the beginning and the end of a file (Vim's modelines: five), so those are ours and not the agent's.
const head = `# Edit this hunk. Lines that begin with # are left out.
#
# To leave out a line that is added (+), delete it.
# To keep a line that is taken away (-), make the - a space.
# Lines with a space in front stay as they are.
# To give up, delete everything.
`;
const foot = "#\n#\n#\n#\n#\n# End of the hunk.\n";

/** Why a hunk cannot be handed to an editor, which is a program of the host and shows it in a terminal; null when it can. */
function editingProblem(hunk: string): string | null {
  const text = decodePath(Buffer.from(hunk, "latin1"));
  if (/[\udc80-\udcff]/u.test(text)) return "it has bytes that are not UTF-8, which an editor would change";
  if (!hasDangerousCharacters(text.replaceAll("\n", "").replaceAll("\t", ""))) return null;
  return "it has control or invisible characters, which an editor would hand to the terminal";
}

/** Has a person edit a hunk (as Latin-1) in their own editor, in a file that nobody else can read. */
export async function editHunk(hunk: string, editor: string | undefined, signal: AbortSignal): Promise<Edited> {
  const problem = editingProblem(hunk);
  if (problem !== null) return { problem };
  if (editor === undefined || editor.trim() === "")
    return { problem: "set VISUAL or EDITOR to the editor that you want" };
  const folder = await mkdtemp(join(tmpdir(), "airlock-hunk-"));
  try {
    const path = join(folder, "hunk.txt");
    await writeFile(path, Buffer.from(head + hunk + foot, "latin1"), { mode: 0o600, flag: "wx" });
    const ended = await runEditor(editor, path, signal);
    return ended === null ? { text: (await readFile(path)).toString("latin1") } : { problem: ended };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// Like git: the setting is a piece of shell with words of its own (`code --wait`), the file an argument beside it.
function runEditor(editor: string, path: string, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", `${editor} "$@"`, editor, path], { stdio: "inherit", signal });
    child.once("error", reject);
    child.once("close", (code, name) => {
      if (code === 0) resolve(null);
      else resolve(`the editor ended with ${code === null ? `signal ${name}` : `code ${code}`}`);
    });
  });
}
