import type { AwsCall, AwsIdentified, AwsLevel, AwsProtocol, AwsRequest } from "../model/aws.js";
import { type Hints, type Pairs, Refusal, readHints } from "./hints.js";
import { isGlobal, prefixInHost } from "./hosts.js";
import { accountsOf, fromCbor, fromJson, fromPairs, type Parameters, passesRole, resourcesOf } from "./resources.js";
import { type Match, matchRest } from "./rest.js";
import { readCbor, readQuery, readTarget } from "./rpc.js";
import { bucketPath, copySource, deletedObjects, type Extra, extrasOf } from "./s3.js";
import { handsOutSecret } from "./secrets.js";
import type { AwsOperation, AwsService, AwsTable } from "./table.js";

const strictness: readonly AwsLevel[] = ["list", "read", "tagging", "write", "permissions", "unknown"];

/** The stricter of two levels. */
const stricter = (a: AwsLevel, b: AwsLevel): AwsLevel => (strictness.indexOf(a) < strictness.indexOf(b) ? b : a);

const protocols: Readonly<Record<string, AwsProtocol>> = {
  q: "query",
  e: "ec2",
  "0": "json-1.0",
  "1": "json-1.1",
  r: "rest-json",
  x: "rest-xml",
  c: "rpc-v2-cbor",
};

/** How many bytes of a body are looked at; a longer one is judged without it. */
const bodyLimit = 1024 * 1024;

/** What was found out about a request before its body was looked at closely. */
interface Found {
  readonly operation: AwsOperation;
  readonly protocol: AwsProtocol;
  readonly labels: Readonly<Record<string, string>>;
  readonly pairs: Pairs;
  readonly rivals: readonly AwsOperation[];
  /** In front of the service's own host, when the client called it by its name. */
  readonly hostFront: string;
}

interface Candidate {
  readonly service: AwsService;
  readonly hostFront: string;
}

function candidatesOf(table: AwsTable, { scope, host }: AwsRequest): Candidate[] {
  const signed = table.signedAs(scope.service);
  if (signed.length === 0) throw new Refusal(`Airlock knows no service "${scope.service.slice(0, 60)}" of AWS`);
  if (host === null) return signed.map((service) => ({ service, hostFront: "" }));
  const found = signed.flatMap((service) => {
    const hostFront = prefixInHost(service, scope.region, host);
    return hostFront === null ? [] : [{ service, hostFront }];
  });
  if (found.length === 0) throw new Refusal("the host is not one of the service that the request is signed for");
  const exact = found.filter(({ hostFront }) => hostFront === "");
  return exact.length > 0 ? exact : found;
}

function letterOf(service: AwsService, hints: Hints): string {
  const letters = hints.isCbor ? "c" : hints.target === null ? "qe" : hints.contentType.endsWith("1.0") ? "01" : "10";
  return [...letters].find((letter) => service.protocols.includes(letter)) ?? "q";
}

// What the table does not have yet is not refused but unknown: the person decides.
function unheardOf(service: AwsService, name: string): AwsOperation {
  return {
    service,
    name,
    level: "unknown",
    actions: [`${service.prefix}:${name}`],
    streamsBody: false,
    eventsOut: false,
    eventsIn: false,
    knowsDryRun: false,
    hostPrefix: "",
    route: null,
  };
}

function findNamed(table: AwsTable, hints: Hints, candidates: readonly Candidate[]): Found {
  const services = candidates.map(({ service }) => service);
  const read = hints.isCbor ? readCbor : hints.target !== null ? readTarget : readQuery;
  const hinted = [hints.isCbor, hints.target !== null, hints.actionInQuery || hints.isForm].filter(Boolean);
  if (hinted.length > 1) throw new Refusal("it names its operation in several ways at once");
  const named = read(hints, services);
  const known = named.services.flatMap((service) => table.details(service).operations.get(named.operation) ?? []);
  // `rds` is also how Neptune and DocumentDB are called, at the same host: the service that gave the name comes first.
  known.sort((a, b) => Number(b.service.name === b.service.signing) - Number(a.service.name === a.service.signing));
  const [service] = named.services;
  if (service === undefined) throw new Refusal("no service is called like that");
  const [operation = unheardOf(service, named.operation), ...rivals] = known;
  const letter = letterOf(operation.service, hints);
  const protocol = protocols[letter] ?? "query";
  const hostFront = candidates.find((each) => each.service === operation.service)?.hostFront ?? "";
  return { operation, protocol, labels: {}, pairs: named.parameters, rivals, hostFront };
}

const isRest = ({ protocols: letters }: AwsService): boolean => letters.includes("r") || letters.includes("x");

function matchIn(table: AwsTable, hints: Hints, { service, hostFront }: Candidate): Match | null {
  if (!isRest(service)) return null;
  const own = service.name === "s3" && hostFront !== "";
  return matchRest(table, service, hints, own ? bucketPath(hostFront.slice(0, -1), hints.parts) : hints.parts);
}

// What one service would refuse another may know; the call goes to the one that does.
function matchesOf(table: AwsTable, hints: Hints, candidates: readonly Candidate[]): (Match & Candidate)[] {
  const refusals: Refusal[] = [];
  const found = candidates.flatMap((candidate) => {
    try {
      const match = matchIn(table, hints, candidate);
      return match === null ? [] : [{ ...match, ...candidate }];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(error);
      return [];
    }
  });
  if (found.length === 0 && refusals[0] !== undefined) throw refusals[0];
  return found;
}

const literalCount = ({ operation: { route } }: Match): number =>
  route?.segments.filter((segment) => typeof segment === "string").length ?? 0;

function findRest(table: AwsTable, hints: Hints, candidates: readonly Candidate[]): Found {
  const isObjectStore = candidates.some(({ service }) => service.name === "s3");
  if (hints.actionInQuery || (hints.isForm && !isObjectStore))
    throw new Refusal("a form is not how this service is called");
  const [best, ...others] = matchesOf(table, hints, candidates).sort((a, b) => literalCount(b) - literalCount(a));
  if (best === undefined) {
    throw new Refusal(`no operation of ${hints.request.scope.service} has this method, path and query`);
  }
  const { operation, labels, hostFront } = best;
  const xId = hints.query.find(([name]) => name === "x-id");
  if (xId !== undefined && xId[1] !== operation.name) throw new Refusal("x-id names another operation than the path");
  const rivals = [...best.rivals, ...others.map((each) => each.operation)];
  const letter = operation.service.protocols.includes("x") ? "x" : "r";
  return { operation, labels, rivals, protocol: protocols[letter] ?? "rest-json", pairs: hints.query, hostFront };
}

function find(table: AwsTable, hints: Hints): Found {
  const candidates = candidatesOf(table, hints.request);
  const isNamed = hints.isCbor || hints.target !== null || !candidates.some(({ service }) => isRest(service));
  // Services of one name may speak both; then a form or an Action is what tells them apart.
  const speaksForms = candidates.some(({ service }) => /[qe]/.test(service.protocols));
  const asForm = speaksForms && (hints.isForm || hints.actionInQuery);
  return isNamed || asForm ? findNamed(table, hints, candidates) : findRest(table, hints, candidates);
}

/** A label of a host: what it stands for becomes part of the name that the call goes to. */
function hostPrefixOf({ operation, labels, hostFront }: Found, hints: Hints): string {
  if (operation.service.name === "s3") return hostFront;
  return operation.hostPrefix.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const { headers } = hints.request;
    const value =
      labels[name] ?? headers[name.toLowerCase()] ?? (name === "AccountId" ? headers["x-amz-account-id"] : undefined);
    if (value === undefined || !/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(value))
      throw new Refusal(`the request does not say its ${name}`);
    return value.toLowerCase();
  });
}

function parametersOf(found: Found, hints: Hints): Parameters {
  const { request, contentType } = hints;
  const isJson = found.protocol.startsWith("json") || (found.protocol === "rest-json" && contentType !== "");
  const plain = request.headers["content-encoding"] === undefined;
  const ofQuery = fromPairs(found.pairs);
  const isCbor = found.protocol === "rpc-v2-cbor";
  if (!(isJson || isCbor) || !plain || found.operation.streamsBody) return ofQuery;
  const ofBody = isCbor ? fromCbor(request.body) : fromJson(request.body);
  return { texts: [...ofQuery.texts, ...ofBody.texts], tags: { ...ofQuery.tags, ...ofBody.tags } };
}

function isDryRun({ operation, pairs }: Found): boolean {
  const given = pairs.filter(([name]) => name.toLowerCase() === "dryrun");
  return operation.knowsDryRun && given.length === 1 && given[0]?.[0] === "DryRun" && given[0][1] === "true";
}

function extrasFor({ operation }: Found, hints: Hints, parameters: Parameters): Extra[] {
  const service = operation.service.name;
  if (service === "s3") return extrasOf(operation, hints);
  const reads = operation.level === "list" || operation.level === "read";
  const passes = !reads && service !== "iam" && service !== "sts" && passesRole(parameters);
  return passes ? [{ action: "iam:PassRole", level: "permissions" }] : [];
}

function callOf(found: Found, hints: Hints): AwsCall {
  const { operation, protocol, labels } = found;
  if (operation.eventsIn)
    throw new Refusal(`${operation.name} streams events to AWS, which Airlock does not forward yet`);
  const rivals = found.rivals.filter(({ actions }) => actions.some((action) => !operation.actions.includes(action)));
  const parameters = parametersOf(found, hints);
  const { scope, body } = hints.request;
  const extras = extrasFor(found, hints, parameters);
  const named = [...parameters.texts, ...deletedObjects(operation, labels["Bucket"] ?? "", body)];
  const resources = resourcesOf({ ...labels, ...copySource(operation, hints) }, { ...parameters, texts: named });
  return {
    service: operation.service.name,
    operation: operation.name,
    actions: [...new Set([...operation.actions, ...extras.map(({ action }) => action)])],
    level: [...rivals, ...extras].reduce<AwsLevel>((level, each) => stricter(level, each.level), operation.level),
    protocol,
    region: scope.region,
    global: isGlobal(operation.service, scope.region),
    resources,
    accounts: accountsOf(hints, parameters, resources),
    tags: parameters.tags,
    dryRun: isDryRun(found),
    secret: handsOutSecret(operation.service.name, operation.name, body),
    presigned: hints.presigned,
    alternatives: rivals.map(({ service, name }) => `${service.name}:${name}`),
    hostPrefix: hostPrefixOf(found, hints),
    eventStream: operation.eventsOut,
  };
}

// The form of an answer to something that was not understood: what it looks like, else what its service speaks.
function guessProtocol(table: AwsTable, request: AwsRequest): AwsProtocol {
  const { headers, scope } = request;
  if (Object.hasOwn(headers, "smithy-protocol")) return "rpc-v2-cbor";
  if (Object.hasOwn(headers, "x-amz-target")) return "json-1.0";
  const letters = table.signedAs(scope.service)[0]?.protocols ?? "r";
  const isForm = /x-www-form-urlencoded/i.test(headers["content-type"] ?? "");
  const preferred = isForm ? ["q", "e"] : ["x", "r", "e", "q", "1", "0"];
  return protocols[preferred.find((letter) => letters.includes(letter)) ?? "r"] ?? "rest-json";
}

/**
 * Says which operation a signed request is, or why it cannot be said. Method, scope, target, action, path, query and body must
 * agree: a request that two readers could understand differently is refused, whatever it seems to ask for.
 */
export function identify(table: AwsTable, request: AwsRequest): AwsIdentified {
  try {
    const long = request.body !== null && request.body.length > bodyLimit;
    const hints = readHints(long ? { ...request, body: null } : request);
    return { known: true, call: callOf(find(table, hints), hints) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { known: false, reason: error.message, protocol: guessProtocol(table, request) };
  }
}

/** Whether the body is needed to judge a request: `whole` (up to `bodyLimit`), or `none`, when it may stream past. */
export function bodyWish(table: AwsTable, head: Omit<AwsRequest, "body">): "none" | "whole" {
  const whole = { ...head, body: new Uint8Array() };
  try {
    const hints = readHints(whole);
    const services = candidatesOf(table, whole).map(({ service }) => service);
    if (hints.isCbor || hints.target !== null || !services.some(isRest)) return "whole";
    if (services.some(({ protocols: letters }) => /[qe]/.test(letters)) && hints.isForm) return "whole";
    const { operation } = find(table, hints);
    if (operation.service.name === "s3") return operation.name === "DeleteObjects" ? "whole" : "none";
    return operation.streamsBody ? "none" : "whole";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return "none";
  }
}
