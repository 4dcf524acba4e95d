import { together } from "../base/together.js";
import { type HostSession, type HostSessionWish, openHostSession } from "./host-session.js";
import type { AccountNames, AwsIdentity } from "./model.js";

/** Whom AWS takes the host for, and what account, role and profile are called. */
export interface HostLook {
  readonly identity: AwsIdentity;
  readonly names: AccountNames;
}

// `arn:aws:sts::123456789012:assumed-role/NAME/session`
const sessionRole = ({ arn }: AwsIdentity): string | null => /:assumed-role\/([^/]+)\//.exec(arn ?? "")?.[1] ?? null;

/** Asks AWS; `role` is the one that shall be assumed. */
export async function lookAt(host: HostSession, role: string | null): Promise<HostLook> {
  const [identity, alias] = await together(host.identify(), host.alias());
  const { account } = identity;
  return { identity, names: { account, alias, profile: host.profile, role: role ?? sessionRole(identity) } };
}

/** What `airlock aws whoami` says. Issues nothing. */
export async function whoami(
  wish: HostSessionWish & { readonly role: string | null },
): Promise<HostLook & { readonly region: string | null; readonly isTemporary: boolean }> {
  const host = await openHostSession(wish);
  try {
    const look = await lookAt(host, wish.role);
    return { ...look, region: host.region, isTemporary: (await host.keys()).sessionToken !== null };
  } finally {
    host.close();
  }
}
