/** The form of the requests of one operation: `PUT /{Bucket}/{Key+}?acl`. */
export interface Route {
  readonly method: string;
  /** A text, or a label; `greedy` takes slashes along. */
  readonly segments: readonly Segment[];
  /** What stands in the query of every such request; null: with any value. */
  readonly literals: readonly (readonly [string, string | null])[];
  /** Names that must be in the query, or among the headers, where several operations have the same path. */
  readonly query: readonly string[];
  readonly headers: readonly string[];
}

type Segment = string | { readonly label: string; readonly greedy: boolean };

/** A route that fits a path, with what its labels stand for: percent-encoded. */
export interface Fit<T> {
  readonly route: Route;
  readonly value: T;
  readonly labels: Readonly<Record<string, string>>;
}

const segmentOf = (text: string): Segment => {
  const label = /^\{([^}+]+)(\+?)\}$/.exec(text);
  return label?.[1] === undefined ? text : { label: label[1], greedy: label[2] === "+" };
};

/** Segments of a path; a slash at the end makes no difference. */
export function segmentsOf(path: string): string[] {
  const parts = path.split("/").slice(1);
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

export function routeOf(method: string, uri: string, query: readonly string[], headers: readonly string[]): Route {
  const [path = "/", literal = ""] = uri.split("?");
  const literals = literal.split("&").flatMap((each): (readonly [string, string | null])[] => {
    const [name = "", value] = each.split("=");
    return name === "" ? [] : [[name, value ?? null]];
  });
  return { method, segments: segmentsOf(path).map(segmentOf), literals, query, headers };
}

const isGreedy = (segment: Segment): boolean => typeof segment !== "string" && segment.greedy;

function fitSegments(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | null {
  const labels: Record<string, string> = {};
  const greedyAt = segments.findIndex(isGreedy);
  const extra = parts.length - segments.length;
  if (greedyAt === -1 ? extra !== 0 : extra < 0) return null;
  for (const [index, segment] of segments.entries()) {
    const at = greedyAt !== -1 && index > greedyAt ? index + extra : index;
    const part = parts[at] ?? "";
    if (typeof segment === "string") {
      if (segment !== part) return null;
    } else {
      const value = segment.greedy ? parts.slice(at, at + extra + 1).join("/") : part;
      if (value === "") return null;
      labels[segment.label] = value;
    }
  }
  return labels;
}

const weigh = (segment: Segment | undefined): number =>
  segment === undefined ? -1 : typeof segment === "string" ? 2 : segment.greedy ? 0 : 1;

/** Which of two routes that fit is the narrower one; 0 where neither is. */
export function compareRoutes(a: Route, b: Route): number {
  const length = Math.max(a.segments.length, b.segments.length);
  for (let index = 0; index < length; index += 1) {
    const difference = weigh(b.segments[index]) - weigh(a.segments[index]);
    if (difference !== 0) return difference;
  }
  const literals = b.literals.length - a.literals.length;
  return literals === 0 ? b.query.length + b.headers.length - a.query.length - a.headers.length : literals;
}

/** The routes of one service. */
export class Routes<T> {
  readonly #byLength = new Map<string, (readonly [Route, T])[]>();
  readonly #greedy = new Map<string, (readonly [Route, T])[]>();
  /** Every name that stands in a query of itself. */
  readonly literals: ReadonlySet<string>;

  constructor(routes: readonly (readonly [Route, T])[]) {
    this.literals = new Set(routes.flatMap(([{ literals }]) => literals.map(([name]) => name)));
    for (const each of routes) {
      const [{ method, segments }] = each;
      const greedy = segments.some(isGreedy);
      const [map, key] = greedy ? [this.#greedy, method] : [this.#byLength, `${method} ${segments.length}`];
      const list = map.get(key);
      if (list === undefined) map.set(key, [each]);
      else list.push(each);
    }
  }

  /** Every route that fits method and path. */
  fits(method: string, parts: readonly string[]): Fit<T>[] {
    const found: Fit<T>[] = [];
    for (const list of [this.#byLength.get(`${method} ${parts.length}`), this.#greedy.get(method)]) {
      for (const [route, value] of list ?? []) {
        const labels = fitSegments(route.segments, parts);
        if (labels !== null) found.push({ route, value, labels });
      }
    }
    return found;
  }
}
