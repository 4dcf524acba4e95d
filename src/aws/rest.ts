import { decodeOnce, type Hints, Refusal } from "./hints.js";
import { compareRoutes, type Fit } from "./routes.js";
import { headerOf, subResources } from "./s3.js";
import type { AwsOperation, AwsService, AwsTable } from "./table.js";

/** An operation that a request may be, with what its path names. */
export interface Match {
  readonly operation: AwsOperation;
  /** Decoded. */
  readonly labels: Readonly<Record<string, string>>;
  /** Other operations of the same service that it could be. */
  readonly rivals: readonly AwsOperation[];
}

type OperationFit = Fit<AwsOperation>;

function literalsFit({ route }: OperationFit, { query }: Hints): boolean {
  return route.literals.every(([name, value]) => {
    const given = query.filter(([each]) => each === name);
    if (given.length > 1) throw new Refusal(`the query names ${name} twice`);
    return given.length === 1 && (value === null || given[0]?.[1] === value);
  });
}

function requirementsFit({ route }: OperationFit, hints: Hints): boolean {
  return (
    route.query.every((name) => hints.query.some(([each]) => each === name)) &&
    route.headers.every((name) => headerOf(hints, name.toLowerCase()) !== undefined)
  );
}

function fitsOf(table: AwsTable, service: AwsService, hints: Hints, parts: readonly string[]): OperationFit[] {
  const details = table.details(service);
  const byPath = details.routes.fits(hints.request.method, parts);
  if (byPath.length === 0) return [];
  const byQuery = byPath.filter((fit) => literalsFit(fit, hints));
  if (service.name !== "s3") return byQuery.filter((fit) => requirementsFit(fit, hints));
  const named = subResources(hints, details);
  return byQuery.filter(
    (fit) =>
      fit.route.literals.filter(([name]) => name !== "x-id").length === named.size && requirementsFit(fit, hints),
  );
}

// `GetBucketLifecycle` is the old name of `GetBucketLifecycleConfiguration`: the same request.
const newerFirst = (a: AwsOperation, b: AwsOperation): number =>
  a.name.startsWith(b.name) ? -1 : b.name.startsWith(a.name) ? 1 : 0;

/** The operation of one service that a path and a query stand for: the narrowest route that fits. */
export function matchRest(
  table: AwsTable,
  service: AwsService,
  hints: Hints,
  parts: readonly string[] = hints.parts,
): Match | null {
  const fits = fitsOf(table, service, hints, parts);
  const [best, ...others] = fits.sort((a, b) => compareRoutes(a.route, b.route) || newerFirst(a.value, b.value));
  if (best === undefined) return null;
  const labels = Object.fromEntries(
    Object.entries(best.labels).map(([name, value]) => [name, decodeOnce(value, "the path")]),
  );
  const equal = others.filter((other) => compareRoutes(best.route, other.route) === 0).map(({ value }) => value);
  return { operation: best.value, labels, rivals: [...equal, ...whenDecoded(table, service, hints, parts, best)] };
}

// A server that decodes %2F before it looks for a route could see another operation than one that does not: both count.
function whenDecoded(
  table: AwsTable,
  service: AwsService,
  hints: Hints,
  parts: readonly string[],
  best: OperationFit,
): AwsOperation[] {
  if (service.name === "s3" || !parts.some((part) => /%2f/i.test(part))) return [];
  const again = parts.flatMap((part) => decodeOnce(part, "the path").split("/"));
  return fitsOf(table, service, hints, again)
    .map(({ value }) => value)
    .filter((each) => each !== best.value);
}
