import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import type { AccountNames } from "../../credentials/model.js";
import { confirmationOf, protectedBecause } from "../../credentials/protection.js";
import type { CommandContext } from "../context.js";
import { canAsk, promptPalette } from "./consent.js";
import { askText } from "./prompt.js";

/** What the user says about accounts that are not to be used by mistake. */
export interface AccountConsent {
  /** The user's own patterns of what is protected. */
  readonly patterns: readonly string[];
  /** What was typed beforehand, on the command line; null: nothing. */
  readonly typed: string | null;
}

/**
 * Has a person type the account's alias where account, role or profile is protected or looks like production: nobody does that by habit.
 * Without anybody to ask, only what was typed beforehand counts (`E_AWS_PROTECTED`).
 */
export async function confirmAccount(
  context: CommandContext,
  names: AccountNames,
  { patterns, typed }: AccountConsent,
): Promise<void> {
  const reason = protectedBecause(names, patterns);
  const word = confirmationOf(names);
  if (reason === null || typed === word) return;
  const refuse = (why: string): AirlockError =>
    new AirlockError("E_AWS_PROTECTED", `${escapeText(reason)}, ${why}`, {
      hint: `use another profile (--aws-profile), or say that it is meant: --aws-confirm ${escapeText(word)}`,
    });
  if (!canAsk(context)) throw refuse("and nobody is there to confirm that it is meant");
  context.edge.stderr.write(`${promptPalette(context).yellow(escapeText(`AWS: ${reason}.`))}\n`);
  const answer = await askText(context.edge, `type ${escapeText(word)} to go on: `, context.edge.signal);
  if (answer !== word) throw refuse("and it was not confirmed");
}
