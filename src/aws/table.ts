import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { AirlockError, messageOf } from "../base/errors.js";
import type { AwsLevel } from "../model/aws.js";
import { type Route, Routes, routeOf } from "./routes.js";

/** `[hostname, signing region]`, each with `{region}` where the region stands. */
export type EndpointForm = readonly [string, string];

/** A service as the index of the table has it. */
export interface AwsService {
  readonly name: string;
  /** In the scope of signatures. */
  readonly signing: string;
  /** `q` query, `e` ec2, `0` and `1` JSON, `r` REST with JSON, `x` REST with XML, `c` CBOR. */
  readonly protocols: string;
  /** In front of the operation in `X-Amz-Target`. */
  readonly target: string;
  /** Of IAM. */
  readonly prefix: string;
  /** The hostname where every partition follows the same form, else one form a partition. */
  readonly endpoint: string | Readonly<Record<string, EndpointForm>>;
}

export interface AwsOperation {
  readonly service: AwsService;
  readonly name: string;
  readonly level: AwsLevel;
  readonly actions: readonly string[];
  readonly streamsBody: boolean;
  readonly eventsOut: boolean;
  readonly eventsIn: boolean;
  readonly knowsDryRun: boolean;
  readonly hostPrefix: string;
  readonly route: Route | null;
}

/** One row: name, level, flags, actions, method, uri, required query, required headers, host prefix; the end may be missing. */
type Row = readonly [string, string, number?, (string[] | null)?, string?, string?, string[]?, string[]?, string?];

interface Details {
  readonly operations: readonly Row[];
  readonly arns: readonly string[];
  readonly xmlns: string;
  readonly queries?: readonly string[];
}

/** What is known of one service, parsed when it is first met. */
export interface ServiceDetails {
  readonly operations: ReadonlyMap<string, AwsOperation>;
  readonly routes: Routes<AwsOperation>;
  /** Forms of its ARNs, without `arn:${Partition}:`. */
  readonly arns: readonly string[];
  readonly xmlNamespace: string;
  /** S3: every name that it reads from a query. */
  readonly queries: ReadonlySet<string>;
}

const levels: Readonly<Record<string, AwsLevel>> = {
  l: "list",
  r: "read",
  w: "write",
  t: "tagging",
  p: "permissions",
};

function operationOf(service: AwsService, row: Row): AwsOperation {
  const [name, level, flags = 0, actions, method, uri, query = [], headers = [], hostPrefix = ""] = row;
  const isRoute = typeof method === "string" && typeof uri === "string";
  return {
    service,
    name,
    level: levels[level] ?? "unknown",
    actions: actions ?? [`${service.prefix}:${name}`],
    streamsBody: (flags & 1) !== 0,
    eventsOut: (flags & 2) !== 0,
    eventsIn: (flags & 4) !== 0,
    knowsDryRun: (flags & 8) !== 0,
    hostPrefix,
    route: isRoute ? routeOf(method, uri, query, headers) : null,
  };
}

function detailsOf(service: AwsService, line: string): ServiceDetails {
  const { operations, arns, xmlns, queries = [] } = JSON.parse(line) as Details;
  const all = operations.map((row) => operationOf(service, row));
  return {
    operations: new Map(all.map((each) => [each.name, each])),
    routes: new Routes(all.flatMap((each) => (each.route === null ? [] : [[each.route, each]]))),
    arns,
    xmlNamespace: xmlns,
    queries: new Set(queries),
  };
}

/** Every operation of every AWS service. A service costs nothing before it is met. */
export class AwsTable {
  readonly #lines: readonly string[];
  readonly #bySigning = new Map<string, AwsService[]>();
  readonly #places = new Map<string, number>();
  readonly #byName = new Map<string, AwsService>();
  readonly #details = new Map<string, ServiceDetails>();
  #covers: Readonly<Record<string, readonly string[]>> | null = null;

  constructor(text: string) {
    this.#lines = text.split("\n");
    const { version, services } = JSON.parse(this.#lines[0] ?? "") as { version: number; services: AwsService[] };
    if (version !== 1 || this.#lines.length !== services.length + 2) throw new Error("another version");
    for (const [index, service] of services.entries()) {
      this.#places.set(service.name, index + 1);
      this.#byName.set(service.name, service);
      this.#bySigning.set(service.signing, [...(this.#bySigning.get(service.signing) ?? []), service]);
    }
  }

  get services(): readonly AwsService[] {
    return [...this.#byName.values()];
  }

  /** The services whose calls are signed under a name. */
  signedAs(name: string): readonly AwsService[] {
    return this.#bySigning.get(name) ?? [];
  }

  service(name: string): AwsService | undefined {
    return this.#byName.get(name);
  }

  details(service: AwsService): ServiceDetails {
    const known = this.#details.get(service.name);
    if (known !== undefined) return known;
    const made = detailsOf(service, this.#lines[this.#places.get(service.name) ?? -1] ?? "");
    this.#details.set(service.name, made);
    return made;
  }

  /** Few patterns that match every plain read of an IAM prefix: `Describe*`, `Get*`. */
  readsOf(prefix: string): readonly string[] {
    this.#covers ??= JSON.parse(this.#lines.at(-1) ?? "{}") as Record<string, string[]>;
    return Object.hasOwn(this.#covers, prefix) ? (this.#covers[prefix] ?? []) : [];
  }
}

/** Reads the table that lies in the package. */
export async function loadTable(packageRoot: string): Promise<AwsTable> {
  const file = join(packageRoot, "presets", "aws", "operations.json.gz");
  try {
    return new AwsTable(gunzipSync(await readFile(file)).toString("utf8"));
  } catch (error) {
    throw new AirlockError("E_STATE_DAMAGED", `the table of AWS operations cannot be read: ${messageOf(error)}`, {
      hint: `install Airlock again: ${file} belongs to it`,
      cause: error,
    });
  }
}
