import * as z from "zod";
import { isActionPattern } from "../aws/patterns.js";
import { parseDuration } from "./units.js";

const longestSeconds = 43_200;

const life = z
  .union([z.string(), z.number()], { error: 'not a duration: write "15m" or "1h"' })
  .transform((value, context) => {
    const seconds = parseDuration(String(value));
    if (seconds !== null && seconds >= 60 && seconds <= longestSeconds) return seconds;
    context.addIssue({ code: "custom", message: 'not a duration from "1m" to "12h"' });
    return z.NEVER;
  })
  .meta({ examples: ["1h"] });

const actions = z
  .array(z.string().refine(isActionPattern, { error: 'not "service:Action": write "ec2:Describe*" or "s3:GetObject"' }))
  .max(1_000);

const plain = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cf}]*$/u, { error: "it holds a control character" });

const region = z.string().regex(/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/, { error: "not a region of AWS" });
const account = z.string().regex(/^\d{12}$/, { error: 'not an account: 12 digits, in quotes: "123456789012"' });
const service = z.string().regex(/^[a-z0-9-]{1,64}$/, { error: 'not a service as IAM writes it: "ec2", "s3"' });
const document = z.record(z.string().max(100), z.unknown());

const aws = {
  mode: z
    .enum(["off", "gateway", "direct"])
    .exactOptional()
    .describe("gateway: every call is decided on the host. direct: the sandbox gets narrowed credentials itself."),
  profile: plain.exactOptional().describe("The profile of the host's AWS configuration."),
  region: region.exactOptional().describe("The region that clients use by default."),
  role: z
    .string()
    .regex(/^(arn:aws[a-z-]*:iam::(\d{12})?:role\/)?[\w+=,.@/-]{1,600}$/, { error: "not a role: its name or its ARN" })
    .exactOptional()
    .describe("A role to assume, with the session's policy on it."),
  duration: life.exactOptional().describe("How long issued credentials live, from 1m to 12h."),
  access: z
    .enum(["read", "read-write", "custom"])
    .exactOptional()
    .describe("read: changes are asked about. read-write: they are allowed. custom: only what the lists say."),
  services: z.array(service).max(100).exactOptional().describe("The services that read-write is for; without it all."),
  allow: actions.exactOptional().describe('Actions that are allowed: "ec2:StopInstances", "s3:Put*".'),
  ask: actions.exactOptional().describe("Actions that a person is asked about."),
  deny: actions.exactOptional().describe("Actions that are denied, whatever allows them."),
  regions: z.array(region).max(100).exactOptional().describe("The only regions that calls may go to."),
  accounts: z.array(account).max(100).exactOptional().describe("The only accounts that calls may be made in."),
  tags: z
    .record(z.string().min(1).max(128), z.string().max(256))
    .exactOptional()
    .describe("What carries one of these tags with another value is left alone."),
  protected: z
    .array(plain)
    .max(100)
    .exactOptional()
    .describe("Accounts, aliases, roles and profiles that need the account's alias typed; with *."),
  intercept: z
    .boolean()
    .exactOptional()
    .describe("End connections to AWS's hosts at the gateway, for clients that ignore AWS_ENDPOINT_URL."),
  dryRun: z.boolean().exactOptional().describe("Forward nothing but reads; record what would have been done."),
};

/** `aws:` of a project's file. */
export const projectAws = z.strictObject({
  ...aws,
  policy: document.exactOptional().describe("A session policy in the place of the one that Airlock makes."),
});

/** `aws:` of the user's file. */
export const userAws = z.strictObject({
  ...aws,
  policy: z
    .union([document, z.string().min(1).max(1_000)])
    .exactOptional()
    .describe("A session policy in the place of the one that Airlock makes: itself, or the path of its file."),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .exactOptional()
    .describe("Where every call goes, in the place of AWS: a counterpart for tests."),
});
