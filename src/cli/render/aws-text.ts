import { escapeText } from "../../base/escape.js";
import type { AwsFile } from "../../session/aws/aws-file.js";

const narrowed = {
  scoped: "narrowed within the host's session",
  assumed: "a role of its own",
  federated: "a federated session of the user",
  unscoped: "NOT narrowed: the rules of the gateway are all there is",
} as const;

const rules = {
  read: "reads are allowed, changes asked about, destruction denied",
  "read-write": "reads and changes are allowed, destruction denied",
  custom: "only what the lists say",
} as const;

function whereText({ account, region, wish }: AwsFile): string {
  const { endpoint } = wish;
  const place = endpoint === null ? "" : ` at ${endpoint}`;
  return `account ${account ?? "not said"}${place}${region === null ? "" : `, ${region}`}`;
}

function endText({ trace }: AwsFile): string {
  if (trace === null) return "none issued yet";
  const end = trace.expiresAt === null ? "" : `, until ${new Date(trace.expiresAt).toISOString()}`;
  return `${narrowed[trace.kind]}${trace.kind === "unscoped" ? "" : end}`;
}

/** What a session may do in AWS, in one line. */
export function awsReach(file: AwsFile): string {
  const { policy } = file.wish;
  const dry = policy.dryRun ? ", but nothing is changed (dry run)" : "";
  return escapeText(`${whereText(file)}: ${rules[policy.access]}${dry}`);
}

/** Which credentials a session has, in one line. */
export function credentialsText(file: AwsFile): string {
  const keys = file.wish.mode === "direct" ? "the sandbox gets the keys" : "the keys stay on the host";
  const who = file.arn === null ? "" : ` as ${file.arn}`;
  return escapeText(`AWS ${whereText(file)}${who}: ${endText(file)}; ${keys}`);
}
