import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Lab, until } from "../lab.js";
import { fetchAwsClients } from "./clients.js";

export interface HostCloud {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a call of AWS's own client came to, inside a sandbox. */
export interface ClientAnswer {
  readonly value: Readonly<Record<string, unknown>> | null;
  /** The SDK's own error. */
  readonly error: { readonly name: string; readonly message: string; readonly status: number | null } | null;
}

const callScript = `
const [service, client, operation, input, options] = process.argv.slice(2);
const sdk = require("@aws-sdk/client-" + service);
const own = { maxAttempts: 1, ...JSON.parse(options ?? "{}") };
const print = (answer) => process.stdout.write(JSON.stringify(answer) + "\\n");
const plain = ({ $metadata, ...value }) => value;
async function read(value) {
  if (value.Body?.transformToString) return { ...value, Body: await value.Body.transformToString() };
  if (!value.stream) return value;
  const events = [];
  for await (const event of value.stream) events.push({ ...event, at: performance.now() });
  return { events };
}
new sdk[client](own).send(new sdk[operation + "Command"](JSON.parse(input)))
  .then(async (value) => print({ value: plain(await read(value)), error: null }))
  .catch((error) => print({ value: null, error: { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode ?? null } }));
`;

const clients: Readonly<Record<string, string>> = {
  "bedrock-runtime": "BedrockRuntime",
  cloudwatch: "CloudWatch",
  dynamodb: "DynamoDB",
  ec2: "EC2",
  iam: "IAM",
  lambda: "Lambda",
  s3: "S3",
  sqs: "SQS",
  sts: "STS",
};

const quote = (word: string): string => `'${word.replace(/'/g, "'\\''")}'`;

/** A lab whose user has keys of a cloud, and `aws:` in the configuration; AWS's clients for JavaScript lie at /opt/aws inside. */
export class AwsLab extends Lab {
  /** Writes the user's keys and configuration. */
  async use(
    { url, accessKeyId, secretAccessKey }: HostCloud,
    aws: Readonly<Record<string, unknown>>,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    mkdirSync(join(this.userHome, ".aws"), { recursive: true });
    const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    writeFileSync(join(this.userHome, ".aws/credentials"), `[default]\n${keys}`, { mode: 0o600 });
    const folder = join(this.userHome, ".config/airlock");
    mkdirSync(folder, { recursive: true });
    const paths = [{ host: await fetchAwsClients(), target: "/opt/aws/node_modules" }];
    const config = { aws: { mode: "gateway", endpoint: url, region: "eu-central-1", ...aws }, paths, ...more };
    writeFileSync(join(folder, "config.yaml"), JSON.stringify(config));
    this.write("call.cjs", callScript);
  }

  /** A command line that makes one call inside, by the SDK for JavaScript. */
  clientCommand(service: string, operation: string, input: unknown = {}, options: unknown = {}): string {
    const words = [service, `${clients[service]}Client`, operation, JSON.stringify(input), JSON.stringify(options)];
    return `NODE_NO_WARNINGS=1 NODE_PATH=/opt/aws/node_modules node call.cjs ${words.map(quote).join(" ")}`;
  }

  /** Makes one call inside. */
  async call(
    session: string,
    service: string,
    operation: string,
    input: unknown = {},
    options: unknown = {},
  ): Promise<ClientAnswer> {
    const { stdout, stderr } = await this.exec(session, this.clientCommand(service, operation, input, options));
    try {
      return JSON.parse(stdout.toString()) as ClientAnswer;
    } catch {
      throw new Error(`${service} ${operation} printed no answer: ${stdout.toString()} ${stderr}`);
    }
  }

  /** Waits for a question and answers it; gives what was shown. */
  async answer(verdict: "--yes" | "--deny"): Promise<string> {
    let id = "";
    await until(async () => {
      const [found] = await this.json<{ readonly id: string }[]>(["approve", "--list", "--json"]);
      id = found?.id ?? "";
      return id !== "";
    });
    const shown = (await this.airlock(["approve", "--list"])).stdout.toString();
    const { code, stderr } = await this.airlock(["approve", verdict, id]);
    if (code !== 0) throw new Error(`approve ended with ${code}: ${stderr}`);
    return shown;
  }
}
