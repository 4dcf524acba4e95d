import * as z from "zod";
import { projectAws, userAws } from "./aws-schema.js";
import { parseDuration, parseSize } from "./units.js";

const mebibyte = 1024 ** 2;

const sizeFrom = (leastMebibytes: number, mayBeNone = false) =>
  z
    .union([z.string(), z.number()], { error: 'not a size: write "512m" or "4g"' })
    .transform((value, context) => {
      if (mayBeNone && String(value).trim() === "0") return 0;
      const bytes = parseSize(String(value));
      if (bytes !== null && bytes >= leastMebibytes * mebibyte) return bytes;
      const message = bytes === null ? 'not a size: write "512m" or "4g"' : `too little: at least ${leastMebibytes}m`;
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    })
    .meta({ examples: ["512m", "4g"] });

const duration = z
  .union([z.string(), z.number()], { error: 'not a duration: write "90s", "30m" or "1h30m"' })
  .transform((value, context) => {
    const seconds = parseDuration(String(value));
    if (seconds !== null) return seconds;
    context.addIssue({ code: "custom", message: 'not a duration: write "90s", "30m" or "1h30m", at most 24d' });
    return z.NEVER;
  })
  .meta({ examples: ["30m"] });

const globs = z.array(z.string().min(1).max(1_000)).max(1_000);
// The wall's own variables tell its processes apart.
const variableName = z.string().regex(/^(?!AIRLOCK)[A-Za-z_][A-Za-z0-9_]*$/, {
  error: "not a variable's name: letters, digits and _, not beginning with a digit or AIRLOCK",
});
const noNul = z
  .string()
  .max(100_000)
  .regex(/^[^\0]*$/, { error: "it holds a NUL character" });

const path = z.strictObject({
  host: z.string().min(1).describe("The path on the host; ~ and paths relative to the project are understood."),
  mode: z
    .enum(["ro", "cow", "rw"])
    .default("ro")
    .describe("Read-only, copy-on-write, or written through (rw needs approval and is loud)."),
  target: z.string().startsWith("/").exactOptional().describe("Where it appears inside; by default at its own path."),
});

const limits = z.strictObject({
  memory: sizeFrom(16).exactOptional().describe("Memory of the sandbox, tmpfs included."),
  cpus: z.number().positive().max(1_024).exactOptional().describe("Processors, also in parts."),
  pids: z.int().min(16).max(4_000_000).exactOptional().describe("Processes and threads at once."),
  disk: sizeFrom(1).exactOptional().describe("What the session may write."),
  timeout: duration.exactOptional().describe("How long a sandbox may run; 0 for no end."),
});

const hostRules = z.array(z.string().min(1).max(300)).max(1_000);

const network = {
  default: z
    .enum(["deny", "ask", "open"])
    .exactOptional()
    .describe("What happens where no rule decides: deny, ask a person, or allow any public host."),
  presets: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/))
    .max(50)
    .exactOptional()
    .describe("Named lists of hosts: airlock network presets prints them."),
  allow: hostRules
    .exactOptional()
    .describe('Hosts: "api.example.com" (port 443), "*.example.org:8443", "git.example.com:22".'),
  ask: hostRules.exactOptional().describe("Hosts that a person is asked about."),
  deny: hostRules
    .exactOptional()
    .describe("Hosts that are denied, whatever allows them; without a port on every port."),
  allowPrivate: hostRules.exactOptional().describe("Hosts that may also lead to a private network or to this machine."),
};

const projectNetwork = z.strictObject(network);
const userNetwork = z.strictObject({
  ...network,
  hosts: z
    .record(z.string().min(1).max(253), z.union([z.ipv4(), z.ipv6()]))
    .exactOptional()
    .describe("Addresses of names, in the place of the resolver's."),
});

const toolRules = z.array(z.string().min(1).max(4_096)).max(1_000);

const tools = z.strictObject({
  trust: toolRules
    .exactOptional()
    .describe('Tools that run without asking: read, "shell:git status *", "write:docs/**".'),
  ask: toolRules.exactOptional().describe("Tools that ask, whatever was trusted before."),
  deny: toolRules.exactOptional().describe("Tools that never run, also when everything is trusted."),
});

const shared = {
  image: z.string().min(1).max(500).exactOptional().describe("The image of the sandbox, instead of Airlock's own."),
  runtime: z.string().min(1).max(100).exactOptional().describe("The container runtime, e.g. runsc for gVisor."),
  user: z
    .enum(["agent", "root"])
    .exactOptional()
    .describe("root: writable container root and five file-ownership capabilities."),
  workspace: z.enum(["overlay", "upload"]).exactOptional().describe("How the project lies under the workspace."),
  paths: z.array(path).max(100).exactOptional().describe("Further host paths that the sandbox sees."),
  env: z
    .record(
      variableName,
      z.union([noNul, z.number(), z.boolean()], { error: 'not a text: write it in quotes, "" for an empty one' }),
    )
    .exactOptional()
    .describe("Variables inside. No secrets here: --env and --env-file are for those."),
  mask: globs.exactOptional().describe("Further files and folders to hide from the sandbox."),
  unmask: globs.exactOptional().describe("Files to show although they look like secrets."),
  limits: limits.exactOptional().describe("What the sandbox may use."),
  tools: tools.exactOptional().describe("What an agent's tools may do without asking."),
  onExit: z
    .enum(["review", "keep", "discard"])
    .exactOptional()
    .describe("What happens when the command of `run` has ended."),
};

const words = z.array(noNul.min(1)).max(100);

const agent = z.strictObject({
  image: z.string().min(1).max(500).describe("The image that the agent is in."),
  command: words.min(1).describe("How it is started."),
  prompt: words.exactOptional().describe('What stands before the prompt, such as ["--message"].'),
  trustAll: words.exactOptional().describe("What has it ask for nothing any more; added by --trust-all alone."),
  acp: words
    .exactOptional()
    .describe('What has it speak to an editor, such as ["--acp"]; [] where it does nothing else.'),
  presets: network.presets,
  allow: network.allow,
  keys: z
    .record(variableName, z.array(z.string().min(1).max(300)).min(1).max(20))
    .exactOptional()
    .describe("Variables of this machine that hold its keys, and the hosts into whose requests the gate puts them."),
  env: z
    .record(variableName, z.union([noNul, z.number(), z.boolean()]))
    .exactOptional()
    .describe("Variables inside. No secrets here."),
  memory: z
    .string()
    .regex(/^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[^\0\n]{1,500}$/, { error: "not a path below the home" })
    .exactOptional()
    .describe("A file below the home inside that tells it where it is."),
});

/** `airlock.yaml` of a project. What it loosens needs the user's approval. */
export const projectSchema = z
  .strictObject({
    ...shared,
    network: projectNetwork.exactOptional().describe("What the sandbox may reach."),
    aws: projectAws.exactOptional().describe("What may be done in AWS."),
  })
  .describe("Airlock's configuration of a project");

const snapshots = z.strictObject({
  auto: z.boolean().exactOptional().describe("Take one before each tool call that writes; false unless told."),
  keep: z
    .int()
    .min(0)
    .max(100_000)
    .exactOptional()
    .describe("How many a session keeps; 20 unless told, 0 for any number."),
  maxAge: duration.exactOptional().describe("How old they get; 7d unless told, 0 for any age."),
  maxSize: sizeFrom(1, true)
    .exactOptional()
    .describe("What those of a session take on the disk; 2g unless told, 0 for any size."),
  appliesTo: z
    .enum(["auto", "all"])
    .exactOptional()
    .describe("Which of them may go: those that were taken by themselves (auto, unless told), or all."),
});

/** The user's own configuration, which may also allow paths that are written through. */
export const userSchema = z
  .strictObject({
    ...shared,
    network: userNetwork.exactOptional().describe("What sandboxes may reach."),
    aws: userAws.exactOptional().describe("What may be done in AWS."),
    allowRw: z.boolean().exactOptional().describe("Allow paths with mode rw without --allow-rw."),
    agents: z
      .record(z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, { error: "not a name: a-z, 0-9 and -" }), agent)
      .exactOptional()
      .describe("Agents of your own, for airlock run --agent NAME."),
    snapshots: snapshots.exactOptional().describe("When snapshots are taken by themselves, and which are kept."),
    record: z.boolean().exactOptional().describe("Record what the terminals of sessions show; true unless told."),
  })
  .describe("Airlock's configuration of a user");

/** A configuration file as it was read. */
export type FileConfig = z.output<typeof userSchema>;

/** The JSON Schema of either file, for editors. */
export function jsonSchema(kind: "project" | "user"): unknown {
  return z.toJSONSchema(kind === "project" ? projectSchema : userSchema, { io: "input" });
}
