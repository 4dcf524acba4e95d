import { AirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";

const hints: Readonly<Record<string, string>> = {
  EACCES: "give yourself the right to write there",
  EPERM: "it may be immutable (lsattr) or belong to somebody else",
  EROFS: "the file system is read-only",
  ENOSPC: "make room, then apply again",
  EDQUOT: "your quota is used up: make room, then apply again",
  EMFILE: "raise the limit of open files (ulimit -n)",
};

const full = new Set(["ENOSPC", "EDQUOT"]);

/** Names the path at which the system refused something. */
export function failureAt(path: string, doing: string, cause: unknown): unknown {
  const code = systemCodeOf(cause);
  // What was decided here, or cancelled, is not the system's refusal.
  if (code === undefined || cause instanceof AirlockError || (cause instanceof Error && cause.name === "AbortError")) {
    return cause;
  }
  const why = messageOf(cause).replace(/, \w+ .*$/s, "");
  return new AirlockError(
    full.has(code) ? "E_DISK_FULL" : "E_APPLY_FAILED",
    `cannot ${doing} ${displayPath(path)}: ${why}`,
    {
      hint: hints[code],
      cause,
    },
  );
}

/** The host is not as it was when the person decided. */
export function conflictAt(path: string, why: string): AirlockError {
  return new AirlockError("E_APPLY_CONFLICT", `${displayPath(path)} ${why}`, {
    hint: "the host changed after you looked; look again: airlock diff",
  });
}

/** Something that no apply does, whatever the plan says. */
export function refusedAt(path: string, why: string): AirlockError {
  return new AirlockError("E_APPLY_REFUSED", `${displayPath(path)} ${why}`);
}

/** A failure that the person who runs Airlock can do something about before anything is written. */
export function unusableAt(path: string, why: string, hint: string): AirlockError {
  return new AirlockError("E_APPLY_FAILED", `${displayPath(path)} ${why}`, { hint });
}
