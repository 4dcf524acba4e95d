import { decideCall } from "../../aws/decide.js";
import { sessionPolicy } from "../../aws/session-policy.js";
import { type AwsTable, loadTable } from "../../aws/table.js";
import { AirlockError, messageOf } from "../../base/errors.js";
import { openCredentials, type ScopedCredentials } from "../../credentials/open.js";
import { publicAddresses } from "../../gate/public-addresses.js";
import { Resolver, systemLookup } from "../../gate/resolver.js";
import { Gateway } from "../../gateway/gateway.js";
import type { CallDecision, CallKeys, GatewayHouse } from "../../gateway/house.js";
import { Upstream } from "../../gateway/upstream.js";
import type { AwsCall } from "../../model/aws.js";
import type { JournalEvent } from "../../model/journal.js";
import type { SessionRecord } from "../../model/session.js";
import { decideTrust } from "../../trust/decide.js";
import { LiveTrust } from "../tools/trust-file.js";
import type { Workbench } from "../workbench.js";
import { askAws } from "./ask-aws.js";
import { type AwsFile, loadAws, placeholderOf, saveAws } from "./aws-file.js";
import { callEvent, resultEvent } from "./aws-journal.js";
import { awsKnowledge } from "./aws-knowledge.js";
import { RefusalNotes } from "./refusal-notes.js";

/** What the session lends to its AWS. */
export interface AwsPlace {
  /** Gathers entries that nothing waits for. */
  readonly note: (event: JournalEvent) => void;
  readonly say: (text: string) => void;
  readonly asksHere: boolean;
  /** Ended with the sandbox's network. */
  readonly signal: AbortSignal;
}

const partitions: readonly (readonly [prefix: string, name: string])[] = [
  ["cn-", "aws-cn"],
  ["us-gov-", "aws-us-gov"],
];

const partitionOf = (region: string | null): string =>
  partitions.find(([prefix]) => region?.startsWith(prefix) === true)?.[1] ?? "aws";

async function openFor(bench: Workbench, session: string, file: AwsFile, table: AwsTable): Promise<ScopedCredentials> {
  const { wish, account, region } = file;
  const { mode, policy, sessionPolicy: own } = wish;
  const partition = partitionOf(region);
  const how = {
    policy,
    mode: mode === "direct" ? mode : ("gateway" as const),
    own,
    partition,
    account,
    counterpart: wish.endpoint !== null,
  };
  return await openCredentials({
    environment: bench.surroundings.env,
    signal: bench.signal,
    wish: {
      sessionId: session,
      profile: wish.profile,
      region: wish.region,
      endpoint: wish.endpoint,
      role: wish.role,
      durationSeconds: wish.durationSeconds,
      policyFor: (until) => sessionPolicy(table, { ...how, until }),
      mustBeScoped: mode === "direct",
      async confirm(names) {
        if (names.account === account) return;
        throw new AirlockError("E_AWS_CREDENTIALS", `the host's credentials are of another account than ${account}`, {
          hint: "sign in to the account that the session began with, or begin a new session",
        });
      },
    },
  });
}

/** A session's AWS as long as it is held: credentials, gateway, journal. */
export class HeldAws implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #bench: Workbench;
  readonly #record: SessionRecord;
  readonly #place: AwsPlace;
  readonly #table: AwsTable;
  readonly #credentials: ScopedCredentials;
  readonly #trust: LiveTrust;
  readonly #granted = new Set<string>();
  #file: AwsFile;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    bench: Workbench,
    record: SessionRecord,
    place: AwsPlace,
    {
      file,
      table,
      credentials,
    }: { readonly file: AwsFile; readonly table: AwsTable; readonly credentials: ScopedCredentials },
  ) {
    this.#bench = bench;
    this.#record = record;
    this.#place = place;
    this.#table = table;
    this.#credentials = credentials;
    this.#file = file;
    this.#trust = new LiveTrust(bench.home, record);
    const { endpoint } = file.wish;
    const resolver = new Resolver(systemLookup);
    const override = endpoint === null ? null : new URL(endpoint);
    const upstream = new Upstream((name) => publicAddresses(resolver, name), override);
    this.gateway = new Gateway({ house: this.#house(), upstream });
  }

  #house(): GatewayHouse {
    const { wish, token } = this.#file;
    const record = this.#bench.recorder(this.#record.id);
    const refusals = new RefusalNotes(this.#place.note);
    return {
      knowledge: awsKnowledge(this.#table),
      placeholder: placeholderOf(this.#file),
      token,
      mode: wish.mode === "direct" ? "direct" : "gateway",
      keys: () => this.#keys(),
      decide: (call) => this.#decide(call),
      ask: async (asked) => {
        const { account } = this.#credentials;
        const name = `${asked.call.service}:${asked.call.operation}`;
        if (!this.#place.asksHere)
          this.#place.say(`the sandbox wants ${name} in AWS: airlock approve, in another terminal, answers`);
        const approval = await askAws(this.#bench, asked, {
          session: this.#record.id,
          account,
          signal: this.#place.signal,
        });
        if (approval.forSession) this.#granted.add(name);
        return approval;
      },
      decided: async (call, isFirst) => {
        const event = callEvent(this.#table, this.#credentials.account, call);
        if (isFirst) await record(event);
        else this.#place.note(event);
      },
      finished: (result) => this.#place.note(resultEvent(result)),
      refused: (reason, scope) => refusals.add(reason, scope),
    };
  }

  async #keys(): Promise<CallKeys> {
    const keys = await this.#credentials.keys();
    await this.#remember();
    return keys;
  }

  // Written down before they are used: whoever discards the session must know how long they live.
  async #remember(): Promise<void> {
    const trace = this.#credentials.trace();
    if (trace.expiresAt !== this.#file.trace?.expiresAt) {
      this.#file = { ...this.#file, trace };
      this.#saving = this.#saving.then(() => saveAws(this.#bench.home, this.#record.id, this.#file));
    }
    await this.#saving;
  }

  async begin(): Promise<void> {
    const { kind, account, arn, region, notes } = this.#credentials;
    this.#file = { ...this.#file, arn, region, notes, trace: this.#credentials.trace() };
    await saveAws(this.#bench.home, this.#record.id, this.#file);
    const { mode } = this.#file.wish;
    await this.#bench.recorder(this.#record.id)({
      kind: "aws.open",
      data: { mode, kind, account, arn, region, notes },
    });
    for (const note of notes) this.#place.say(`AWS: ${note}`);
  }

  // Trust in the tools makes the gateway stricter, never laxer: what an agent may do unasked on a snapshot of files is no word about a
  // cloud that has none.
  async #decide(call: AwsCall): Promise<CallDecision> {
    const { service, operation, region } = call;
    const decision = decideCall(call, this.#file.wish.policy, this.#credentials.account);
    const name = `${service}:${operation}`;
    const granted = decision.verdict === "ask" && this.#granted.has(name);
    const decided: CallDecision = granted
      ? { verdict: "allow", rule: `allow ${name}`, why: "a person allowed it for this session", origin: "a person" }
      : decision;
    if (decided.verdict === "deny") return decided;
    const state = { ...(await this.#trust.load()), trustAll: null };
    const readShell = (): never => {
      throw new Error("no command line");
    };
    const trust = decideTrust(state, { tool: "aws", service, operation, region }, { now: Date.now(), readShell });
    if (trust.rule === "no rule" || trust.verdict === "allow") return decided;
    if (trust.verdict === "ask" && decided.verdict !== "allow") return decided;
    return { verdict: trust.verdict, rule: trust.rule, why: trust.why, origin: "airlock tools" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gateway[Symbol.dispose]();
    await this.#saving.catch(() => undefined);
    await this.#credentials[Symbol.asyncDispose]();
  }
}

/** Opens a session's credentials and its gateway. */
export async function holdAws(bench: Workbench, record: SessionRecord, place: AwsPlace): Promise<HeldAws> {
  const file = await loadAws(bench.home, record.id);
  if (file === null) throw new AirlockError("E_STATE_DAMAGED", `what session ${record.id} may do in AWS is not there`);
  const table = await loadTable(bench.surroundings.packageRoot);
  const credentials = await openFor(bench, record.id, file, table);
  const held = new HeldAws(bench, record, place, { file, table, credentials });
  try {
    await held.begin();
    return held;
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw new AirlockError("E_STATE_DAMAGED", `AWS cannot be recorded: ${messageOf(error)}`, { cause: error });
  }
}
