import { Secret } from "../base/secret.js";
import type { IAMClient, STSClient } from "./aws-sdk.js";
import { credentialsError, isInvalidKeys, isUnsupported } from "./failures.js";
import type { AwsIdentity, AwsKeys } from "./model.js";

type Sdk = typeof import("./aws-sdk.js");

/** The host's own session with AWS. What it holds stays in this process. */
export interface HostSession {
  readonly sdk: Sdk;
  readonly sts: STSClient;
  readonly profile: string | null;
  /** What the flags, the environment or the profile say; null: nothing does. */
  readonly region: string | null;
  /** The present keys, from wherever the host has them; asked for again shortly before they end. */
  keys(): Promise<AwsKeys>;
  /** Asks AWS whose they are. */
  identify(): Promise<AwsIdentity>;
  /** The account's alias; null: it has none, or the host's identity may not ask. */
  alias(): Promise<string | null>;
  makeIam(): IAMClient;
  close(): void;
}

export interface HostSessionWish {
  readonly profile: string | null;
  readonly region: string | null;
  readonly endpoint: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

// STS is everywhere; where nobody says a region, this is where its oldest endpoint is.
const fallbackRegion = "us-east-1";
const requestHandler = { connectionTimeout: 5_000, requestTimeout: 15_000 };

// The SDK warns on the terminal of whoever starts it.
const nothing = (): void => undefined;
const quiet = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Wraps what the SDK gives. */
export function wrapKeys(given: {
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}): AwsKeys {
  const { accessKeyId = "", secretAccessKey = "", sessionToken, expiration } = given;
  return {
    accessKeyId,
    secretAccessKey: new Secret(secretAccessKey),
    sessionToken: sessionToken === undefined || sessionToken === "" ? null : new Secret(sessionToken),
    expiresAt: expiration?.getTime() ?? null,
  };
}

async function identify(sdk: Sdk, sts: STSClient, profile: string | null, signal: AbortSignal): Promise<AwsIdentity> {
  try {
    const { Account, Arn, UserId } = await sts.send(new sdk.GetCallerIdentityCommand({}), { abortSignal: signal });
    return { account: Account ?? null, arn: Arn ?? null, userId: UserId ?? null };
  } catch (error) {
    signal.throwIfAborted();
    if (isUnsupported(error) && !isInvalidKeys(error)) return { account: null, arn: null, userId: null };
    throw credentialsError(error, profile);
  }
}

async function accountAlias(sdk: Sdk, iam: IAMClient, signal: AbortSignal): Promise<string | null> {
  try {
    const { AccountAliases } = await iam.send(new sdk.ListAccountAliasesCommand({}), { abortSignal: signal });
    return AccountAliases?.[0] ?? null;
  } catch {
    signal.throwIfAborted();
    return null;
  } finally {
    iam.destroy();
  }
}

/** Finds the host's credentials the way every program of AWS does: environment, profiles, SSO, a login, a process, a machine's role. */
export async function openHostSession(wish: HostSessionWish): Promise<HostSession> {
  const { profile, endpoint, environment, signal } = wish;
  const sdk = await import("./aws-sdk.js");
  const named = profile === null ? {} : { profile };
  const said = wish.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "";
  const place = said === "" ? {} : { region: said };
  const provide = sdk.fromNodeProviderChain({ ...named, logger: quiet, clientConfig: { ...place, requestHandler } });
  const there = endpoint === null ? {} : { endpoint };
  const common = { ...named, ...there, credentials: provide, logger: quiet, maxAttempts: 3, requestHandler };
  const found = await new sdk.STSClient({ ...common, ...place }).config.region().catch(() => null);
  const region = found ?? fallbackRegion;
  const sts = new sdk.STSClient({ ...common, region });
  const makeIam = (): IAMClient => new sdk.IAMClient({ ...common, region });
  return {
    ...{ sdk, sts, profile, region: found },
    keys: async () => {
      try {
        return wrapKeys(await provide());
      } catch (error) {
        throw credentialsError(error, profile);
      }
    },
    identify: () => identify(sdk, sts, profile, signal),
    alias: () => accountAlias(sdk, makeIam(), signal),
    makeIam,
    close: () => sts.destroy(),
  };
}
