/** A word of a command: its text where it is fixed, null where the shell makes it up when it runs (`$x`, `$(…)`, `*.c`, `~`). */
export type ShellWord = string | null;

/** What a command line does to a file by itself, by a redirection. */
export interface ShellRedirect {
  readonly kind: "read" | "write";
  /** As it stands there, without quotes; null when it is not fixed. */
  readonly path: ShellWord;
}

/** What a command line would run, as far as reading can tell. */
export type ShellReading =
  | {
      readonly kind: "read";
      /** Every simple command in it, those of substitutions and subshells too, in no order that means anything. */
      readonly commands: readonly (readonly ShellWord[])[];
      readonly redirects: readonly ShellRedirect[];
    }
  /** It cannot be told: nothing may be concluded but that somebody has to look. */
  | {
      readonly kind: "unclear";
      readonly why: string;
      /** What was found all the same: for what is denied wherever it stands. */
      readonly commands: readonly (readonly ShellWord[])[];
      readonly redirects: readonly ShellRedirect[];
    }
  /** So long that nobody would look through it. */
  | { readonly kind: "too-long"; readonly why: string };

export type ReadShell = (command: string) => ShellReading;
