import type { Terminal } from "../model/terminal.js";

/** Everything of the process that a command may see; made once in bin.ts, so that nothing else touches `process`. */
export interface Edge extends Terminal {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly homedir: string;
  readonly platform: string;
  readonly uid: number;
  readonly gid: number;
  readonly version: string;
  readonly imageHash: string;
  /** Folder of the checkout or of the installed package. */
  readonly packageRoot: string;
  readonly execPath: string;
  /** Aborted by SIGINT, SIGTERM or SIGHUP; the reason is the signal's name. */
  readonly signal: AbortSignal;
}
