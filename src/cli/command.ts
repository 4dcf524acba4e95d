import type { Command } from "commander";
import type { CommandContext } from "./context.js";

/** What a command's file exports: how it is called, and what it does. */
export interface CommandModule {
  /** Declares arguments, options and help; `act` is how it hands over its work, whose result is the exit code. */
  define(command: Command, act: Act): void;
}

/** Wraps a command's work for commander: makes the context, keeps the exit code. */
export type Act = <A extends unknown[]>(
  work: (context: CommandContext, ...args: A) => Promise<number | undefined>,
) => (...args: unknown[]) => Promise<void>;

/** One line of `airlock --help`, and where the command's code is. Kept apart from the code so that help loads none of it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
  /** Whether it has something to read, and so takes `--json`. */
  readonly json?: boolean;
  /** False: it does not work on a project. */
  readonly project?: boolean;
  /** 125: every other exit code belongs to the command that was run. */
  readonly ownFailure?: 125;
  readonly hidden?: boolean;
}
