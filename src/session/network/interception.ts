import type { TLSSocket } from "node:tls";
import { isAwsHost } from "../../aws/hosts.js";
import { fitsHeader, Secret } from "../../base/secret.js";
import type { PolicySource } from "../../gate/admission.js";
import type { Host } from "../../gate/host-name.js";
import type { Ending, Interceptor } from "../../gate/interceptor.js";
import { parsePattern } from "../../gate/rules.js";
import type { Gateway } from "../../gateway/gateway.js";
import { KeyEnd } from "../../intercept/key-end.js";
import type { HeldKey } from "../../intercept/put-key.js";
import { SessionCa } from "../../intercept/session-ca.js";
import { TlsEnd } from "../../intercept/tls-end.js";
import type { JournalEvent } from "../../model/journal.js";
import type { GateKey } from "../../model/key.js";
import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";

/** What ends at the gate of one session, and the certificate that its sandbox has to trust. */
export interface Interception extends Interceptor {
  readonly certificate: string;
  readonly ports: readonly number[];
}

interface Parts {
  readonly keys: readonly GateKey[];
  readonly note: (event: JournalEvent) => void;
  /** Takes what is for AWS's hosts; null: those are hosts like any other. */
  readonly gateway: (() => Pick<Gateway, "accept"> | null) | null;
  readonly policy: PolicySource;
}

const tlsPort = 443;

const placeOf = (host: string): { readonly name: string; readonly port: number } => {
  const { labels, port } = parsePattern(host);
  return { name: labels.join("."), port: typeof port === "number" ? port : 443 };
};

/** Makes the session's authority, and takes the secrets from this process's environment. Neither is on any disk, nor leaves this process. */
export async function openInterception(
  bench: Workbench,
  record: SessionRecord,
  { keys, note, gateway, policy }: Parts,
): Promise<Interception> {
  const ca = await SessionCa.make(record.id);
  const tls = new TlsEnd(ca);
  const held = new Map<string, HeldKey[]>();
  for (const { host, ...key } of keys) {
    const { name, port } = placeOf(host);
    const value = bench.surroundings.env[key.from.env]?.trim() ?? "";
    const secret = fitsHeader(value) ? new Secret(value) : null;
    const place = `${name}:${port}`;
    held.set(place, [...(held.get(place) ?? []), { ...key, secret }]);
  }
  const endingFor = (host: string, port: number, own: readonly HeldKey[]): Ending => ({
    rule: null,
    async connect(addresses, broken) {
      // Once a connection: who knocks again and again must not fill the journal.
      const noted = new Set<string>();
      const once = (what: string, data: Readonly<Record<string, unknown>>): void => {
        if (noted.has(what)) return;
        noted.add(what);
        note({ kind: "network.key", data: { name: host, port, ...data } });
      };
      const end = new KeyEnd(
        {
          ...{ host, port, keys: own },
          refused: (reason) => once("refused", { refused: reason }),
          used: (headers) => once("used", { headers }),
        },
        addresses,
      );
      const opening = await tls.begin({ host, opened: (each) => end.accept(each), broken });
      return { ...opening, address: addresses[0] ?? null };
    },
  });
  // A host of AWS's that a rule of the network names in full is meant as it is: a bucket of public files, a load balancer.
  const isForGateway = (host: Host, port: number): boolean => {
    if (gateway === null || host.kind !== "name" || port !== tlsPort || !isAwsHost(host.text)) return false;
    const { verdict, open } = policy.rules().decide(host, port, Date.now());
    return verdict !== "allow" || open;
  };
  const awsEnding = (host: string): Ending => ({
    rule: "aws.intercept",
    async connect(_addresses, broken) {
      const opened = (socket: TLSSocket): void => {
        const end = gateway?.() ?? null;
        if (end === null) socket.destroy();
        else end.accept(socket);
      };
      return { ...(await tls.begin({ host, opened, broken })), address: null };
    },
  });
  return {
    certificate: ca.certificate,
    ports: gateway === null ? [] : [tlsPort],
    endingOf(host, port) {
      const own = held.get(`${host.text}:${port}`);
      if (own !== undefined) return endingFor(host.text, port, own);
      return isForGateway(host, port) ? awsEnding(host.text) : null;
    },
  };
}
