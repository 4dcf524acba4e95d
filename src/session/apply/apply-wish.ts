import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { type AirlockHome, sessionFolder } from "../home.js";

/** An agent's wish that a person reviews what it did. */
export interface ApplyWish {
  readonly at: string;
  readonly caller: string;
  readonly reason: string;
  readonly changes: number;
}

const wishSchema: { parse(value: unknown): ApplyWish } = z.strictObject({
  at: z.string(),
  caller: z.string(),
  reason: z.string(),
  changes: z.int(),
});

const wishPath = (home: AirlockHome, session: string): string => join(sessionFolder(home, session), "apply-wish.json");

/** Keeps the latest wish where people see it, until one of them has reviewed. */
export async function saveApplyWish(home: AirlockHome, session: string, wish: ApplyWish): Promise<void> {
  await writeFileAtomic(wishPath(home, session), JSON.stringify(wish));
}

/** The wish that waits; null: none, or none that can be read. */
export async function loadApplyWish(home: AirlockHome, session: string): Promise<ApplyWish | null> {
  try {
    return wishSchema.parse(JSON.parse(await readFile(wishPath(home, session), "utf8")));
  } catch {
    return null;
  }
}

/** A person has looked: the wish has had its answer. */
export async function dropApplyWish(home: AirlockHome, session: string): Promise<void> {
  await rm(wishPath(home, session), { force: true });
}
