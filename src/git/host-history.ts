import { AirlockError } from "../base/errors.js";
import type { HostHistory } from "./branches.js";
import { isObjectId } from "./refs.js";
import type { RunGit } from "./run-git.js";

const quick = { maxBytes: 4 * 1024 * 1024, timeoutMs: 10_000 };

function usable(ids: readonly string[]): string[] {
  return ids.filter(isObjectId);
}

/** Answers from the host's repository by its own git; what fails is not known. */
export function hostHistory(run: RunGit, gitDir: string): HostHistory {
  const ask = async (args: readonly string[], lines: readonly string[]): Promise<string | null> => {
    try {
      const { code, stdout } = await run({ ...quick, gitDir, args, input: Buffer.from(`${lines.join("\n")}\n`) });
      return code === 0 ? stdout.toString("latin1") : null;
    } catch (error) {
      if (error instanceof AirlockError && error.code === "E_CANCELLED") throw error;
      return null;
    }
  };
  return {
    async countMissing(tip, kept) {
      if (!isObjectId(tip)) return null;
      const lines = [tip, ...usable(kept).map((id) => `^${id}`)];
      const answer = await ask(["rev-list", "--count", "--ignore-missing", "--stdin"], lines);
      return answer === null || !/^\d+\n$/.test(answer) ? null : Number(answer);
    },
    async present(ids) {
      const answer = await ask(["cat-file", "--batch-check=%(objectname) %(objecttype)"], usable(ids));
      if (answer === null) return null;
      const found = answer.split("\n").filter((line) => !line.endsWith(" missing"));
      return new Set(found.map((line) => line.slice(0, line.indexOf(" "))));
    },
  };
}
