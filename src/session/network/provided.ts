import type { SessionRecord } from "../../model/session.js";
import { awsOf } from "../aws/aws-of.js";
import type { Workbench } from "../workbench.js";
import { hasWire } from "./hatch.js";
import { placeholdersOf } from "./placeholders.js";

/** What the hatch writes, for the sandbox to read: the session's authority, and that with the image's own. */
const own = "/run/airlock/ca.pem";
const bundle = "/run/airlock/ca-bundle.pem";

// Each language looks elsewhere. Node adds to its own; all the others have theirs replaced.
const bundleVariables = [
  "SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
  "REQUESTS_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "AWS_CA_BUNDLE",
  "CARGO_HTTP_CAINFO",
  "PIP_CERT",
  "NIX_SSL_CERT_FILE",
];

/** What programs inside find of what the host provides: AWS, placeholders, and whom to trust where TLS ends at the gate. Nothing for most sessions. */
export async function providedOf(bench: Workbench, record: SessionRecord): Promise<ReadonlyMap<string, string>> {
  if (!hasWire(record)) return new Map();
  const { endsOf } = await import("./ends.js");
  const [aws, { keys, intercepts }] = await Promise.all([awsOf(bench, record), endsOf(bench, record)]);
  if (keys.length === 0 && !intercepts) return aws;
  return new Map([
    ...aws,
    ...placeholdersOf(keys),
    ["NODE_EXTRA_CA_CERTS", own],
    ["DENO_CERT", own],
    ...bundleVariables.map((name) => [name, bundle] as const),
  ]);
}
