import type { Command } from "commander";
import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { approve, grantsOf, isApproved } from "../../config/approve.js";
import { type LoadedConfig, projectConfigPath, userConfigPath } from "../../config/load.js";
import type { Config } from "../../config/merge.js";
import { findProject } from "../../session/project.js";
import type { Act } from "../command.js";
import { addGlobalOptions, type CommandContext, type GlobalOptions } from "../context.js";
import { confirm } from "../dialogue/prompt.js";
import { configOf, loadConfigs } from "../options/plan-options.js";
import { formatSize } from "../render/size.js";
import { formatTable } from "../render/table.js";
import { withBench } from "../with-bench.js";

interface Place {
  readonly project: string;
  readonly loaded: { readonly project: LoadedConfig | null; readonly user: LoadedConfig | null };
}

async function locate(context: CommandContext, options: GlobalOptions): Promise<Place> {
  const project = await findProject(context.edge.cwd, options.project);
  return { project, loaded: await loadConfigs(context, project) };
}

const textOf = (value: unknown): string => {
  if (typeof value === "string") return value;
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return isEmpty ? "none" : JSON.stringify(value);
};

interface Row {
  readonly name: string;
  readonly value: unknown;
  readonly origin: string;
  /** For people, where it is not the value itself. */
  readonly text?: string;
}

function limitRows({ limits, origins }: Config): Row[] {
  const { memoryBytes, cpus, pids, diskBytes, timeoutSeconds } = limits;
  const rows = [
    { name: "memory", value: memoryBytes, text: formatSize(memoryBytes) },
    { name: "cpus", value: cpus },
    { name: "pids", value: pids },
    { name: "disk", value: diskBytes, text: formatSize(diskBytes) },
    { name: "timeout", value: timeoutSeconds, text: timeoutSeconds === 0 ? "none" : `${timeoutSeconds} s` },
  ];
  return rows.map((row) => ({
    ...row,
    name: `limits.${row.name}`,
    origin: origins[`limits.${row.name}`] ?? "default",
  }));
}

function networkRows({ network, origins }: Config): Row[] {
  const { mode, presets, rules, hosts } = network;
  return [
    { name: "network.mode", value: mode, origin: origins["network"] ?? "default" },
    { name: "network.presets", value: presets, text: presets.join(", ") || "none", origin: "files" },
    ...rules.map(({ action, pattern, origin }) => ({
      name: `network.${action}`,
      value: pattern,
      origin,
    })),
    ...Object.entries(hosts).map(([name, address]) => ({
      name: `network.hosts.${name}`,
      value: address,
      origin: "user",
    })),
  ];
}

function awsRows({ aws }: Config): Row[] {
  const { policy, sessionPolicy, protected: names, mode, profile, region, role, durationSeconds, endpoint } = aws;
  const { rules, ...bounds } = policy;
  const own = sessionPolicy === null ? "made of the lists" : "of its own";
  const single = {
    mode,
    profile,
    region,
    role,
    duration: durationSeconds,
    endpoint,
    policy: own,
    protected: names,
  };
  return [
    ...Object.entries({ ...single, ...bounds }).map(([name, value]) => ({
      name: `aws.${name}`,
      value,
      text: value === null ? "none" : textOf(value),
      origin: "files",
    })),
    ...rules.map(({ verdict, pattern, origin }) => ({ name: `aws.${verdict}`, value: pattern, origin })),
  ];
}

function snapshotRows({ snapshots, origins }: Config): Row[] {
  const { auto, keep, maxAgeSeconds, maxBytes, appliesTo } = snapshots;
  const bound = (value: number, text: string): string => (value === 0 ? "no bound" : text);
  const rows = {
    auto: String(auto),
    keep: bound(keep, String(keep)),
    maxAge: bound(maxAgeSeconds, `${maxAgeSeconds} s`),
    maxSize: bound(maxBytes, formatSize(maxBytes)),
    appliesTo,
  };
  return Object.entries(rows).map(([name, value]) => ({
    name: `snapshots.${name}`,
    value,
    origin: origins[`snapshots.${name}`] ?? "default",
  }));
}

function flatten(config: Config): Row[] {
  const { origins, paths, env, mask, unmask, image, runtime, user, workspace, onExit, allowRw, record } = config;
  const single = {
    image: image ?? "Airlock's own",
    runtime: runtime ?? "the engine's default",
    user,
    workspace: workspace ?? "chosen by itself",
    onExit: onExit ?? "review at a terminal, else keep",
    allowRw,
    record,
  };
  return [
    ...Object.entries(single).map(([name, value]) => ({ name, value, origin: origins[name] ?? "default" })),
    ...limitRows(config),
    ...snapshotRows(config),
    ...Object.entries({ paths, env, mask, unmask }).map(([name, value]) => ({ name, value, origin: "files" })),
    ...networkRows(config),
    ...awsRows(config),
  ];
}

async function show(context: CommandContext, options: GlobalOptions): Promise<number> {
  const { project, loaded } = await locate(context, options);
  const config = configOf(context, options, loaded);
  if (options.json === true) {
    const { origins, ...values } = config;
    const files = { project: loaded.project?.file ?? null, user: loaded.user?.file ?? null };
    context.printJson({ project, files, values, origins });
    return 0;
  }
  const cells = flatten(config).map(({ name, value, origin, text }) => [
    escapeText(name),
    escapeText(text ?? textOf(value)),
    origin,
  ]);
  context.print(formatTable([["SETTING", "VALUE", "FROM"], ...cells]));
  return 0;
}

async function check(context: CommandContext, options: GlobalOptions): Promise<number> {
  const { project, loaded } = await locate(context, options);
  const files = [
    loaded.project?.file ?? `${projectConfigPath(project)} (not there)`,
    loaded.user?.file ?? `${userConfigPath(context.edge)} (not there)`,
  ];
  if (options.json === true)
    context.printJson({ ok: true, files, grants: loaded.project === null ? [] : grantsOf(loaded.project.config) });
  else for (const file of files) context.print(`ok  ${file}`);
  return 0;
}

async function schema(context: CommandContext, options: { readonly user?: boolean }): Promise<number> {
  const { jsonSchema } = await import("../../config/schema.js");
  context.print(JSON.stringify(jsonSchema(options.user === true ? "user" : "project"), null, 2));
  return 0;
}

async function approveProject(
  context: CommandContext,
  options: GlobalOptions & { readonly yes?: boolean },
): Promise<number> {
  const { project, loaded } = await locate(context, options);
  const file = loaded.project;
  if (file === null) throw new AirlockError("E_USAGE", `${project} has no airlock.yaml to approve`);
  const grants = grantsOf(file.config);
  return withBench(context, async ({ home }) => {
    const already = grants.length === 0 || (await isApproved(home.path, project, file));
    if (already)
      context.note(grants.length === 0 ? `${file.file} asks for nothing that needs approval` : "approved already");
    else {
      context.note(
        `${file.file} (sha256 ${file.sha256.slice(0, 12)}…) asks for:\n${grants.map((line) => `  - ${escapeText(line)}`).join("\n")}`,
      );
      if (options.yes !== true && context.edge.stdin.isTTY !== true)
        throw new AirlockError("E_USAGE", "approving without a terminal needs --yes");
      if (options.yes !== true && !(await confirm(context.edge, "Approve exactly this content?"))) return 1;
      await approve(home.path, project, file);
      context.note("approved; another byte in the file asks again");
    }
    if (options.json === true)
      context.printJson({ project, file: file.file, sha256: file.sha256, grants, approved: true });
    return 0;
  });
}

/** `airlock config`. */
export function define(command: Command, act: Act): void {
  const sub = (name: string, summary: string): Command =>
    addGlobalOptions(command.command(name).description(summary), { json: true });
  sub("show", "show every setting and where it comes from").action(act(show));
  sub("check", "check both files").action(act(check));
  sub("schema", "print the JSON Schema of airlock.yaml")
    .option("--user", "of the user's own file instead")
    .action(act(schema));
  sub("approve", "allow what the project's file asks for")
    .option("-y, --yes", "do not ask")
    .action(act(approveProject));
}
