import { AirlockError } from "../base/errors.js";
import type { ToolCall } from "./tool-call.js";

const nameForm = /^[A-Za-z][A-Za-z0-9_-]{0,200}$/;

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** `TableName`, `table_name` and `table-name` are one parameter; `DBInstanceIdentifier` is `db-instance-identifier`. */
function dashed(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
}

function option(name: string, value: unknown): string[] {
  if (!nameForm.test(name)) {
    throw new AirlockError("E_TOOL_ARGUMENTS", `aws: "${name.slice(0, 100)}" is not a parameter's name`, {
      hint: 'write it as the AWS CLI does: {"table-name": "orders"}',
    });
  }
  const flag = `--${dashed(name)}`;
  if (value === true) return [flag];
  if (value === false) return [`--no-${dashed(name)}`];
  if (value === "" || value === null || value === undefined) return [flag];
  const text = typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
  // With an equals sign a value that begins with a dash is no option.
  return [`${flag}=${text}`];
}

const noAws = "this session has no AWS; it begins with one by: airlock run --aws, airlock start --aws";
const noProgram = "there is no AWS CLI in the image of this sandbox; use an image with one, or an SDK";

/**
 * The call as the AWS CLI of the sandbox makes it, by the same way as every other program there: what may be done is decided where the
 * call arrives, not here.
 */
export function awsCommand({ service, operation, region, parameters }: ToolCall & { readonly tool: "aws" }): string {
  for (const word of [service, operation, region]) {
    if (nameForm.test(word)) continue;
    throw new AirlockError(
      "E_TOOL_ARGUMENTS",
      `aws: "${word.slice(0, 100)}" is no name of a service, an operation or a region`,
    );
  }
  const words = [
    ...["aws", service.toLowerCase(), dashed(operation), `--region=${region}`, "--output=json"],
    ...Object.entries(parameters).flatMap(([name, value]) => option(name, value)),
  ];
  return [
    `if [ -z "$AWS_CONTAINER_CREDENTIALS_FULL_URI" ]; then echo ${quote(noAws)} >&2; exit 69; fi`,
    `if ! command -v aws >/dev/null; then echo ${quote(noProgram)} >&2; exit 127; fi`,
    // Older CLIs do not know the variable that says where to.
    `exec env AWS_PAGER= ${words.map(quote).join(" ")} \${AWS_ENDPOINT_URL:+"--endpoint-url=$AWS_ENDPOINT_URL"}`,
  ].join("\n");
}
