import type { AwsRequest } from "../model/aws.js";

/** Calls whose answer is a secret in plain text. */
const always = new Set([
  "acm:ExportCertificate",
  "apigateway:GetApiKey",
  "apigateway:GetApiKeys",
  "appsync:ListApiKeys",
  "bedrock-agentcore:GetResourceApiKey",
  "cognito-idp:DescribeIdentityProvider",
  "cognito-idp:DescribeUserPoolClient",
  "connect:ListSecurityKeys",
  "ec2:GetPasswordData",
  "kms:Decrypt",
  "kms:DeriveSharedSecret",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyPair",
  "logs:Unmask",
  "payment-cryptography:ExportKey",
  "secretsmanager:BatchGetSecretValue",
  "secretsmanager:GetSecretValue",
]);

/** Calls whose answer is one when they ask for it, and in which words. */
const onRequest: Readonly<Record<string, string>> = {
  "ssm:GetParameter": "WithDecryption",
  "ssm:GetParameterHistory": "WithDecryption",
  "ssm:GetParameters": "WithDecryption",
  "ssm:GetParametersByPath": "WithDecryption",
  "logs:FilterLogEvents": "unmask",
  "logs:GetLogEvents": "unmask",
  "logs:GetLogRecord": "unmask",
};

// By text, not by value: a key that is there twice, or written with escapes, is read differently by different readers.
function asksFor(word: string, body: AwsRequest["body"]): boolean {
  if (body === null) return true;
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1");
  const said = text.match(new RegExp(word, "gi")) ?? [];
  const refuses = new RegExp(`"${word}"\\s*:\\s*false\\b`).test(text);
  return text.includes("\\u") || (said.length > 0 && !(said.length === 1 && refuses));
}

/** Whether a call hands out a secret. */
export function handsOutSecret(service: string, operation: string, body: AwsRequest["body"]): boolean {
  const name = `${service}:${operation}`;
  const word = Object.hasOwn(onRequest, name) ? onRequest[name] : undefined;
  return always.has(name) || (word !== undefined && asksFor(word, body));
}
