import { actionOf, checkName, type Hints, type Pairs, Refusal, readPairs } from "./hints.js";
import type { AwsService } from "./table.js";

/** What a request that names its operation says: the operation, the services that could have it, its parameters. */
export interface Named {
  readonly operation: string;
  readonly services: readonly AwsService[];
  /** Of a form. */
  readonly parameters: Pairs;
}

const speaking = (services: readonly AwsService[], letters: string): AwsService[] =>
  services.filter(({ protocols }) => [...letters].some((letter) => protocols.includes(letter)));

function only(services: readonly AwsService[], what: string): readonly AwsService[] {
  if (services.length === 0) throw new Refusal(`${what}, which is not how the service of its signature is called`);
  return services;
}

/** Older clients of SQS send their forms to the path of the queue's URL. */
const queuePath = /^\/\d{12}\/[\w.-]{1,120}\/?$/;

function queueIn({ request }: Hints, services: readonly AwsService[], form: Pairs): Pairs {
  const { path, scope } = request;
  if (path === "/") return [];
  if (!services.every(({ name }) => name === "sqs") || !queuePath.test(path)) {
    throw new Refusal("the request names an Action and a path");
  }
  const url = form.find(([name]) => name === "QueueUrl");
  if (url === undefined) return [["QueueUrl", `https://sqs.${scope.region}.amazonaws.com${path}`]];
  if (!url[1].endsWith(path)) throw new Refusal("the path is not that of its QueueUrl");
  return [];
}

const atRoot = ({ request: { path } }: Hints): boolean => path === "/";

/** Query and EC2: one `Action`, in the query or in the form, never in both. */
export function readQuery(hints: Hints, services: readonly AwsService[]): Named {
  const { request, isForm } = hints;
  const fitting = only(speaking(services, "qe"), "the request names an Action");
  if (request.headers["content-encoding"] !== undefined) throw new Refusal("the form is compressed");
  if (request.method !== "POST" && request.method !== "GET") throw new Refusal("the method is not POST");
  const hasBody = request.body !== null && request.body.length > 0;
  if (hasBody && !isForm) throw new Refusal("its body is not the form that its Action asks for");
  if (request.body === null && request.method === "POST") throw new Refusal("the form is too long to be judged");
  const form = readPairs(hasBody ? Buffer.from(request.body ?? []).toString("latin1") : "", "the form");
  const parameters = [...hints.query, ...form, ...queueIn(hints, fitting, form)];
  return { operation: actionOf(parameters), services: fitting, parameters };
}

/** JSON: `X-Amz-Target`, and nothing else that names an operation. */
export function readTarget(hints: Hints, services: readonly AwsService[]): Named {
  const { target, contentType, query, request } = hints;
  const at = target?.lastIndexOf(".") ?? -1;
  if (target === null || at < 1) throw new Refusal("X-Amz-Target names no operation");
  const prefix = target.slice(0, at);
  const fitting = only(
    speaking(services, "01").filter((service) => service.target === prefix),
    `X-Amz-Target names ${prefix.slice(0, 80)}`,
  );
  if (!atRoot(hints) || query.length > 0) throw new Refusal("the request has an X-Amz-Target, and a path or a query");
  if (request.method !== "POST") throw new Refusal("the method is not POST");
  if (!/^application\/(?:x-amz-)?json(?:-1\.[01])?$/.test(contentType))
    throw new Refusal("its body is not the JSON that its X-Amz-Target asks for");
  return { operation: checkName(target.slice(at + 1)), services: fitting, parameters: [] };
}

/** CBOR: the path names service and operation. */
export function readCbor(hints: Hints, services: readonly AwsService[]): Named {
  const { request, parts, query, contentType } = hints;
  const [service, name = "", operation, last = ""] = parts;
  const isPath = parts.length === 4 && service === "service" && operation === "operation";
  const protocol = request.headers["smithy-protocol"];
  if (!isPath || protocol !== "rpc-v2-cbor" || query.length > 0)
    throw new Refusal("the path, the query or smithy-protocol is not that of a CBOR request");
  if (request.method !== "POST") throw new Refusal("the method is not POST");
  if (contentType !== "" && contentType !== "application/cbor") throw new Refusal("its body is not CBOR");
  const fitting = only(
    speaking(services, "c").filter((each) => each.target === name),
    `the path names ${name.slice(0, 80)}`,
  );
  return { operation: checkName(last), services: fitting, parameters: [] };
}
