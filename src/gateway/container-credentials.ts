import type { GatewayHouse } from "./house.js";
import type { Inbound } from "./inbound.js";
import { sameText } from "./verify.js";

/** Where the SDKs of the sandbox get their keys, on the gateway's own port. */
export const credentialsPath = "/airlock/credentials";

/** Placeholders never end; SDKs ask again before this. */
const placeholderMs = 6 * 3_600_000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

const problem = (status: number, code: string, message: string): Answer => ({
  status,
  body: JSON.stringify({ code, message, Code: code, Message: message }),
});

// The form of `credential_process` has other names for the same; whoever asks here for the one does not mind the other.
const forProcesses = (SessionToken: string) => ({ Version: 1, SessionToken });

/**
 * The container-credentials endpoint: what it gives in gateway mode opens this gateway and nothing else. In `direct` mode it gives the
 * scoped session, whose renewal is the keys' own business.
 */
export async function answerCredentials(house: GatewayHouse, { method, headers }: Inbound): Promise<Answer> {
  if (method !== "GET") return problem(405, "MethodNotAllowed", "airlock: credentials are got by GET");
  if (!sameText(headers["authorization"] ?? "", house.token))
    return problem(401, "Unauthorized", "airlock: the authorization token is not this sandbox's");
  if (house.mode === "gateway") {
    const { accessKeyId, secretAccessKey, sessionToken } = house.placeholder;
    const Expiration = new Date(Date.now() + placeholderMs).toISOString().replace(/\.\d+Z$/, "Z");
    const own = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Expiration };
    const keys = { ...forProcesses(sessionToken), ...own, Token: sessionToken };
    return { status: 200, body: JSON.stringify(keys) };
  }
  try {
    const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = await house.keys();
    const ends = expiresAt ?? Date.now() + placeholderMs;
    const token = sessionToken?.reveal() ?? "";
    const keys = {
      ...forProcesses(token),
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey.reveal(),
      Token: token,
      Expiration: new Date(ends).toISOString().replace(/\.\d+Z$/, "Z"),
    };
    return { status: 200, body: JSON.stringify(keys) };
  } catch {
    // An error, never stale keys; why is for the person at the host.
    return problem(503, "ServiceUnavailable", "airlock: the host has no credentials for this session now");
  }
}
