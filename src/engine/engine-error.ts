import { AirlockError, type ErrorCode, isAirlockError, messageOf, systemCodeOf } from "../base/errors.js";
import { escapeText } from "../base/escape.js";
import type { EngineEndpoint } from "../model/engine.js";
import { EngineRefusal } from "./transport.js";

/** What was being done, for the error's message: `create container airlock-x`. */
interface Attempt {
  readonly endpoint: EngineEndpoint;
  readonly doing: string;
}

const lostCodes = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ERR_STREAM_PREMATURE_CLOSE", "ETIMEDOUT"]);
const absentCodes = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "EACCES",
  "EPERM",
  "ENOTSOCK",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/** Turns whatever an engine call threw into the AirlockError that tells the user what to do about it. */
export function engineError(error: unknown, attempt: Attempt): AirlockError {
  if (isAirlockError(error)) return error;
  if (error instanceof EngineRefusal) return refused(error, attempt);
  const code = systemCodeOf(error);
  if (error instanceof Error && error.name === "TimeoutError") {
    return failure("E_ENGINE_LOST", attempt, "the engine did not answer in time", {
      hint: "see whether the engine hangs: `docker info`; restart it if it does",
      cause: error,
    });
  }
  if (error instanceof Error && error.name === "AbortError") {
    return new AirlockError("E_CANCELLED", `cancelled: ${attempt.doing}`, { cause: error });
  }
  if (code?.startsWith("HPE_") === true) {
    return failure("E_ENGINE_ANSWER", attempt, "what answers there does not speak HTTP", { cause: error });
  }
  if (code !== undefined && absentCodes.has(code)) return unreachable(error, attempt);
  if (code?.startsWith("ERR_TLS") === true || code?.startsWith("ERR_SSL") === true || isCertificateCode(code)) {
    return failure("E_ENGINE_UNREACHABLE", attempt, `TLS failed: ${quoted(error)}`, {
      hint: "check the certificates (ca.pem, cert.pem, key.pem) and the host's name",
      cause: error,
    });
  }
  if ((code !== undefined && lostCodes.has(code)) || /socket hang up|aborted/.test(messageOf(error))) {
    return failure("E_ENGINE_LOST", attempt, "the connection to the engine broke", {
      hint: "see whether the engine is still running, then try again",
      cause: error,
    });
  }
  return failure("E_ENGINE_FAILED", attempt, quoted(error), { cause: error });
}

function refused(error: EngineRefusal, attempt: Attempt): AirlockError {
  const said = quoted(error);
  if (/no space left on device|disk quota exceeded/i.test(error.message)) {
    return failure("E_DISK_FULL", attempt, said, {
      hint: "free space on the engine's disk (`airlock prune`, `docker system df`)",
      cause: error,
    });
  }
  if (error.status === 404 && /no such image|image not known|manifest unknown/i.test(error.message)) {
    return failure("E_IMAGE_MISSING", attempt, said, { hint: "build it: `airlock image build`", cause: error });
  }
  if (/client version .* is too (old|new)/i.test(error.message)) {
    return failure("E_ENGINE_TOO_OLD", attempt, said, { cause: error });
  }
  return failure("E_ENGINE_FAILED", attempt, `${said} (HTTP ${error.status})`, { cause: error });
}

function failure(
  code: ErrorCode,
  { endpoint, doing }: Attempt,
  why: string,
  details: { hint?: string; cause?: unknown },
): AirlockError {
  return new AirlockError(code, `cannot ${doing}: ${why} [engine ${endpoint.address}]`, details);
}

const quoted = (error: unknown): string => escapeText(messageOf(error)).slice(0, 2_000);

function isCertificateCode(code: string | undefined): boolean {
  return code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|ISSUER/.test(code);
}

function unreachable(error: unknown, attempt: Attempt): AirlockError {
  const { address, source } = attempt.endpoint;
  const code = systemCodeOf(error);
  return new AirlockError("E_ENGINE_UNREACHABLE", `no container engine answers at ${address} (${source}): ${code}`, {
    hint: hintFor(code, attempt.endpoint),
    cause: error,
  });
}

function hintFor(code: string | undefined, endpoint: EngineEndpoint): string {
  if (code === "EACCES" || code === "EPERM") {
    return "you may not open the engine's socket: `sudo usermod -aG docker $USER`, then log in again";
  }
  if (endpoint.kind === "unix")
    return "start the engine (Docker Desktop, `systemctl start docker`) or run `make setup`";
  return "check the address, that the host is up, and that its engine listens there";
}
