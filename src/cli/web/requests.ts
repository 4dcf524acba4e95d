import * as z from "zod";

const most = 1_000_000;
const index = z.int().min(0).max(most);

const staged = z.strictObject({
  at: index,
  doc: z.strictObject({ id: z.string().max(64), lines: z.array(index).max(most) }).optional(),
});

/** What the page may ask for with a body. */
export const bodies = {
  plan: z.strictObject({
    look: index,
    staged: z.array(staged).max(most),
    policy: z.enum(["keep-host", "take-sandbox", "both", "merge"]).optional(),
    unmerged: z.enum(["keep-host", "take-sandbox", "both"]).optional(),
  }),
  apply: z.strictObject({ plan: index, agreed: z.array(index).max(most) }),
  again: z.strictObject({}),
  undo: z.strictObject({ applyId: z.string().max(200) }),
  note: z.strictObject({ look: index, at: index, text: z.string().max(500) }),
} as const;

export type PlanRequest = z.infer<typeof bodies.plan>;
export type ApplyRequest = z.infer<typeof bodies.apply>;

const digits = z
  .string()
  .regex(/^\d{1,7}$/)
  .transform(Number);

/** What the page may ask for in the address. */
export const queries = {
  state: z.strictObject({}),
  look: z.strictObject({}),
  doc: z.strictObject({ look: digits, at: digits }),
  recording: z.strictObject({ number: digits }),
  image: z.strictObject({ look: digits, at: digits, side: z.enum(["before", "after"]) }),
} as const;
