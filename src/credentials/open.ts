import { DisposeStack } from "../base/dispose.js";
import { AirlockError } from "../base/errors.js";
import { openHostSession } from "./host-session.js";
import { keepFresh } from "./keep-fresh.js";
import type { AwsIdentity, AwsKeys, CredentialTrace, CredentialWish, ScopeKind } from "./model.js";
import { type Issued, narrow, sessionNameOf } from "./narrow.js";
import { lookAt } from "./whoami.js";

/** A session's credentials. Dropped from memory when it is disposed of. */
export interface ScopedCredentials extends AsyncDisposable {
  readonly kind: ScopeKind;
  /** Of the host. */
  readonly identity: AwsIdentity;
  /** Whom AWS will take the session for. */
  readonly arn: string | null;
  readonly account: string | null;
  readonly region: string | null;
  /** What a person should know, for the terminal. */
  readonly notes: readonly string[];
  /** The keys to sign with now. */
  keys(): Promise<AwsKeys>;
  /** What must be written down before the keys are used. */
  trace(): CredentialTrace;
}

export interface OpenCredentials {
  readonly wish: CredentialWish;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

const unscopedNote =
  "these credentials cannot be narrowed: the gateway's rules are all that stands between the sandbox and what they allow";

function refuseUnscoped(): never {
  const hint =
    "name a role that these credentials may assume (aws.role), or use mode: gateway, where nothing is handed out";
  throw new AirlockError("E_AWS_SCOPE", "the host's AWS credentials cannot be narrowed, so they are not handed out", {
    hint,
  });
}

/** Opens the host's credentials, narrows them for one session, and keeps them fresh until it is disposed of. */
export async function openCredentials({
  wish,
  environment,
  signal,
  now = Date.now,
}: OpenCredentials): Promise<ScopedCredentials> {
  await using opened = new DisposeStack();
  const { profile, region, endpoint, role } = wish;
  const host = await openHostSession({ profile, region, endpoint, environment, signal });
  opened.defer(() => host.close());
  const { identity, names } = await lookAt(host, role);
  await wish.confirm(names);
  const notes: string[] = [];
  const note = (text: string): void => {
    if (!notes.includes(text)) notes.push(text);
  };
  const issueFor = (present: AwsIdentity): Promise<Issued | null> =>
    narrow({ host, wish, identity: present, now: now(), signal, note });
  const first = await issueFor(identity);
  if (first === null && wish.mustBeScoped) refuseUnscoped();
  if (first === null) note(unscopedNote);
  let last = first?.keys.expiresAt ?? null;
  let [ready, base] = [first, (await host.keys()).accessKeyId];

  const requireSameAccount = async (): Promise<AwsIdentity> => {
    const present = await host.identify();
    if (present.account === identity.account) return present;
    // Somebody signed in elsewhere: what was asked and answered for one account is not done in another.
    const change = `${identity.account ?? "unknown"} to ${present.account ?? "unknown"}`;
    throw new AirlockError("E_AWS_CREDENTIALS", `the host's credentials changed from account ${change}`, {
      hint: "sign in to the account that the session began with, or begin a new session",
    });
  };
  const unscopedKeys = async (): Promise<AwsKeys> => {
    const keys = await host.keys();
    if (keys.accessKeyId !== base) {
      await requireSameAccount();
      base = keys.accessKeyId;
    }
    return keys;
  };
  const renew = async (): Promise<AwsKeys> => {
    // The first were issued already.
    const issued = ready ?? (await issueFor(await requireSameAccount()));
    ready = null;
    if (issued === null)
      throw new AirlockError("E_AWS_SCOPE", "the credentials could be narrowed before, and not any more");
    last = Math.max(last ?? 0, issued.keys.expiresAt ?? 0);
    return issued.keys;
  };
  const fresh = keepFresh(first === null ? unscopedKeys : renew, now);
  opened.defer(() => fresh.close());
  const owned = opened.move();
  const kind = first?.kind ?? "unscoped";
  const account = first?.account ?? identity.account;
  return {
    ...{ kind, identity, account, region: host.region, notes },
    arn: first === null ? identity.arn : first.arn,
    keys: () => fresh.keys(),
    trace: () => ({
      ...{ kind, profile, endpoint, region: host.region, account },
      ...{ sessionName: sessionNameOf(wish.sessionId), principal: first?.principal ?? null },
      ...{ userId: first?.userId ?? null, expiresAt: last },
    }),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
