import { AirlockError } from "../base/errors.js";
import { escapeText } from "../base/escape.js";

const quotedLength = 300;

/** The name that AWS gave to a failure; empty for what is not one of AWS's. */
export function awsErrorName(error: unknown): string {
  return error instanceof Error ? error.name.replace(/Exception$/, "") : "";
}

const invalid = new Set([
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSubjectCredentials",
  "SignatureDoesNotMatch",
  "UnrecognizedClient",
]);

/** Whether AWS does not know the keys, whatever they would be allowed. */
export const isInvalidKeys = (error: unknown): boolean => invalid.has(awsErrorName(error));

/** Whether AWS knows them and does not allow the call. */
export const isDenied = (error: unknown): boolean => /^AccessDenied|^UnauthorizedOperation$/.test(awsErrorName(error));

/** Whether the server does not have the operation at all: an older STS, or a cloud that only resembles AWS. */
export function isUnsupported(error: unknown): boolean {
  if (
    /^(InvalidAction|UnknownOperation|MethodNotAllowed|NotImplemented|UnsupportedOperation)$/.test(awsErrorName(error))
  )
    return true;
  const status = statusOf(error);
  return status === 404 || status === 405 || status === 501;
}

function statusOf(error: unknown): number | null {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return null;
  const metadata = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return null;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : null;
}

/** What AWS said, for people. What it says of a wrong signature repeats the signed request, with its token: that is not quoted. */
export function quoteFailure(error: unknown): string {
  const name = awsErrorName(error);
  if (!(error instanceof Error)) return "an unknown failure";
  if (isInvalidKeys(error)) return name;
  const text = escapeText(error.message).slice(0, quotedLength);
  return name === "" || name === "Error" ? text : `${name}: ${text}`;
}

const missing = new Set(["CredentialsProviderError", "TokenProviderError", "ProviderError"]);

/** The error that ends a command when the host has no credentials, or AWS does not take them or does not answer. */
export function credentialsError(error: unknown, profile: string | null): AirlockError {
  const whose = profile === null ? "of this machine" : `of the profile "${escapeText(profile)}"`;
  const why = quoteFailure(error);
  if (!missing.has(awsErrorName(error)) && !isInvalidKeys(error)) {
    return new AirlockError("E_AWS_CREDENTIALS", `AWS could not be asked about the credentials ${whose}: ${why}`, {
      hint: "look at the network, the region (--aws-region) and AWS_ENDPOINT_URL, then try again",
      cause: error,
    });
  }
  const message = missing.has(awsErrorName(error))
    ? `no AWS credentials ${whose} could be found: ${why}`
    : `AWS does not take the credentials ${whose}: ${why}`;
  const signIn = profile === null ? "aws sso login" : `aws sso login --profile ${escapeText(profile)}`;
  return new AirlockError("E_AWS_CREDENTIALS", message, {
    hint: `sign in (${signIn}, aws login, aws configure), or name another profile with --aws-profile`,
    cause: error,
  });
}
