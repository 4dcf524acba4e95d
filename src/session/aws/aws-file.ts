import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { writeFileAtomic } from "../../base/atomic-file.js";
import { AirlockError, messageOf, systemCodeOf } from "../../base/errors.js";
import type { CredentialTrace } from "../../credentials/model.js";
import type { Placeholder } from "../../gateway/verify.js";
import type { AwsWish } from "../../model/aws.js";
import { type AirlockHome, sessionFolder } from "../home.js";

/** What is on the disk of a session's AWS: what was wished for, and what can be known of its credentials without them. */
export interface AwsFile {
  readonly version: 1;
  readonly wish: AwsWish;
  /** The account that was looked at, and agreed to, before the session began. */
  readonly account: string | null;
  readonly region: string | null;
  /** Opens the gateway from within the sandbox, and nothing else: no secret of the host. */
  readonly token: string;
  /** Null: no credentials were opened yet. */
  readonly trace: CredentialTrace | null;
  /** Whom AWS takes the session for. */
  readonly arn: string | null;
  readonly notes: readonly string[];
}

const text = z.string().check(z.maxLength(100_000));
const texts = z.array(text).check(z.maxLength(10_000));
const maybe = z.nullable(text);

const wishSchema = z.strictObject({
  mode: z.enum(["off", "gateway", "direct"]),
  ...{ profile: maybe, region: maybe, role: maybe, sessionPolicy: maybe, endpoint: maybe },
  durationSeconds: z.number(),
  intercept: z._default(z.boolean(), false),
  protected: texts,
  policy: z.strictObject({
    access: z.enum(["read", "read-write", "custom"]),
    rules: z.array(z.strictObject({ verdict: z.enum(["allow", "ask", "deny"]), pattern: text, origin: text })),
    ...{ services: texts, regions: texts, accounts: texts, tags: z.record(text, text), dryRun: z.boolean() },
  }),
});

const traceSchema = z.strictObject({
  kind: z.enum(["scoped", "assumed", "federated", "unscoped"]),
  ...{ profile: maybe, region: maybe, endpoint: maybe, account: maybe, sessionName: text, userId: maybe },
  principal: z.nullable(z.strictObject({ kind: z.enum(["role", "user"]), name: text })),
  expiresAt: z.nullable(z.number()),
});

const fileSchema: { parse(value: unknown): AwsFile } = z.strictObject({
  version: z.literal(1),
  wish: wishSchema,
  ...{ account: maybe, region: maybe, token: z.string().check(z.regex(/^[0-9a-f]{64}$/)) },
  trace: z.nullable(traceSchema),
  ...{ arn: maybe, notes: texts },
});

const awsPath = (home: AirlockHome, session: string): string => join(sessionFolder(home, session), "aws.json");

/** Writes it so that a crash leaves the old one or the new one. */
export async function saveAws(home: AirlockHome, session: string, file: AwsFile): Promise<void> {
  await writeFileAtomic(awsPath(home, session), `${JSON.stringify(file, null, 2)}\n`);
}

/** Null for a session without AWS. */
export async function loadAws(home: AirlockHome, session: string): Promise<AwsFile | null> {
  const path = awsPath(home, session);
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return null;
    throw new AirlockError("E_STATE_DAMAGED", `${path} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
}

/** The keys that a sandbox signs with: made of its token, other ones for each session, good for its gateway alone. */
export function placeholderOf({ token }: Pick<AwsFile, "token">): Placeholder {
  const part = (what: string): Buffer => createHmac("sha256", token).update(what).digest();
  return {
    accessKeyId: `ASIAAIRLOCK${part("id").toString("hex").toUpperCase().slice(0, 9)}`,
    secretAccessKey: part("secret").toString("base64").slice(0, 40),
    sessionToken: `airlock-${part("token").toString("hex")}`,
  };
}
