/**
 * The catalogue of everything that can go wrong, with the exit code each kind ends in.
 *
 * `docs/errors.md` is generated from and tested against this table. Exit codes: 1 unexpected, 2 usage or configuration,
 * 10 not found, 11 busy, 12 engine, 13 denied by policy, 14 conflict, 15 damaged record, 130 interrupted.
 */
export const catalogue = {
  E_APPLY_CONFLICT: { exit: 14, doc: "The host changed where the session changed too, so nothing was applied." },
  E_APPLY_FAILED: { exit: 1, doc: "An apply could not be finished and was rolled back." },
  E_APPLY_NOT_FOUND: { exit: 10, doc: "There is no such apply, or nothing to undo." },
  E_APPLY_REFUSED: { exit: 13, doc: "A change may not be applied without more consent." },
  E_AWS_CREDENTIALS: {
    exit: 2,
    doc: "This machine has no AWS credentials, AWS does not take them, or they could not be renewed.",
  },
  E_AWS_POLICY: { exit: 2, doc: "The session policy made of the configuration is too long for AWS, or is no policy." },
  E_AWS_PROTECTED: {
    exit: 13,
    doc: "The AWS account, role or profile is protected, and nobody confirmed that it is meant.",
  },
  E_AWS_SCOPE: { exit: 13, doc: "The AWS credentials could not be narrowed for a session as it was asked for." },
  E_BASE_CHANGED: { exit: 14, doc: "The project folder was replaced while the session was starting." },
  E_CANCELLED: { exit: 130, doc: "The command was interrupted." },
  E_CONFIG_INVALID: { exit: 2, doc: "A configuration file has a mistake." },
  E_CONFIG_NOT_APPROVED: {
    exit: 13,
    doc: "A project's configuration asks for more than the defaults and was not approved.",
  },
  E_DISK_FULL: { exit: 1, doc: "The engine's or the host's disk is full." },
  E_ENGINE_ANSWER: { exit: 12, doc: "The container engine answered something that cannot be understood." },
  E_ENGINE_FAILED: { exit: 12, doc: "The container engine refused or failed an operation." },
  E_ENGINE_LOST: { exit: 12, doc: "The connection to the container engine broke in the middle of an operation." },
  E_ENGINE_TOO_OLD: { exit: 12, doc: "The container engine speaks an API older than 1.41." },
  E_ENGINE_UNREACHABLE: { exit: 12, doc: "No container engine answers." },
  E_GIT_REFUSED: { exit: 13, doc: "Commits made in a session did not pass the checks, so none was brought over." },
  E_GIT_UNUSABLE: {
    exit: 2,
    doc: "git is missing on this machine or too old, or the project is no repository it can work in.",
  },
  E_HOST_MOVED_ON: { exit: 14, doc: "The host changed since the apply, so it was not undone." },
  E_IMAGE_BUILD: { exit: 12, doc: "The sandbox image could not be built." },
  E_IMAGE_MISSING: { exit: 12, doc: "The image is not on the engine and cannot be pulled." },
  E_INTERNAL: { exit: 1, doc: "A defect in Airlock." },
  E_JOURNAL_DAMAGED: { exit: 15, doc: "The journal's hash chain is broken." },
  E_JOURNAL_WRITE: { exit: 15, doc: "The journal cannot be written, so the operation was refused." },
  E_KEEPER_FAILED: { exit: 12, doc: "The keeper, which reads and writes layers, failed an operation." },
  E_LAYER_LIMIT: { exit: 1, doc: "A layer holds more than the limits on depth, count or size allow." },
  E_LEFT_BEHIND: { exit: 1, doc: "After discard something of the session is still there." },
  E_MOUNT_REFUSED: { exit: 13, doc: "A path may not be mounted into a sandbox." },
  E_NETWORK_INVALID: { exit: 2, doc: "A network rule, a preset or a host name cannot be understood." },
  E_OVERLAY_PATH: { exit: 2, doc: "The project's path cannot be expressed as an overlay mount option." },
  E_PROJECT_UNUSABLE: { exit: 2, doc: "The project folder is missing, unreadable or not allowed." },
  E_QUESTION_GONE: { exit: 10, doc: "A question was answered already, or its time is over." },
  E_RUNTIME_UNUSABLE: { exit: 12, doc: "The container runtime asked for is missing or does not work." },
  E_SESSION_AMBIGUOUS: { exit: 10, doc: "The prefix given fits several sessions." },
  E_SESSION_BUSY: { exit: 11, doc: "Another command works on the session." },
  E_SESSION_NOT_FOUND: { exit: 10, doc: "There is no such session." },
  E_SESSION_STATE: { exit: 11, doc: "The session is in a state that does not allow the command." },
  E_SNAPSHOT_DAMAGED: { exit: 15, doc: "A snapshot does not match its manifest." },
  E_SNAPSHOT_NOT_FOUND: { exit: 10, doc: "There is no such snapshot." },
  E_STATE_DAMAGED: { exit: 15, doc: "A state file cannot be read." },
  E_STOPPED_BY_LIMIT: { exit: 1, doc: "The sandbox was stopped because it reached a limit." },
  E_TOOL_ARGUMENTS: {
    exit: 2,
    doc: "A tool was called with arguments that it does not have, or that cannot be understood.",
  },
  E_TOOL_DENIED: { exit: 13, doc: "A tool call was not allowed to run." },
  E_TOOL_FAILED: { exit: 1, doc: "A tool call ran and could not do what it was asked for." },
  E_TOOL_SERVER: {
    exit: 12,
    doc: "The program that runs tools in the sandbox ended or broke its protocol.",
  },
  E_USAGE: { exit: 2, doc: "The command line is wrong." },
  E_WALL_UNPROVED: { exit: 13, doc: "The sandbox is not as tight as asked for, so nothing was started in it." },
  E_WIRE_BROKEN: {
    exit: 13,
    doc: "The sandbox's end of the network broke its protocol or cannot start, so the sandbox was sealed.",
  },
} as const satisfies Record<string, { exit: number; doc: string }>;

/** A stable name for one kind of failure. */
export type ErrorCode = keyof typeof catalogue;

interface Details {
  /** What the user can do next: one sentence or a command. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** The only error Airlock throws on purpose: says what happened, why, and what to do next. */
export class AirlockError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, { hint, cause }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "AirlockError";
    this.code = code;
    this.hint = hint;
  }

  get exitCode(): number {
    return catalogue[this.code].exit;
  }
}

/** Tells whether something caught is an AirlockError, of one kind when a code is given. */
export function isAirlockError(error: unknown, code?: ErrorCode): error is AirlockError {
  return error instanceof AirlockError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown, for quoting it in another error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` that Node and libuv put on their errors (`ENOENT`, `ECONNREFUSED`), if there is one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
