import type { Command } from "commander";
import { displayPath, escapeText } from "../../base/escape.js";
import { findExposedTokens } from "../../policy/exposed-tokens.js";
import { type SessionStatus, sessionStatus } from "../../session/status.js";
import type { Act } from "../command.js";
import type { CommandContext, GlobalOptions } from "../context.js";
import { applyWishText } from "../render/apply-wish.js";
import { awsReach, credentialsText } from "../render/aws-text.js";
import { networkText } from "../render/network-text.js";
import { countOf, formatSize } from "../render/size.js";
import { trustAllText } from "../render/trust-account.js";
import { chooseSession, reportAbandoned, withBench } from "../with-bench.js";
import { applyState } from "./applies.js";

/** Which host gets which of the host's secrets, each once. */
function heldKeys(keys: SessionStatus["keys"]): { readonly host: string; readonly variable: string }[] {
  const pairs = new Map(keys.map(({ host, from }) => [`${host} ${from.env}`, { host, variable: from.env }]));
  return [...pairs.values()];
}

function credentialsJson({ record, aws, keys }: SessionStatus): unknown[] {
  if (record.state === "discarded") return [];
  return [...awsJson(aws), ...heldKeys(keys).map((key) => ({ kind: "key", ...key }))];
}

function awsJson(aws: SessionStatus["aws"]): unknown[] {
  if (aws === null) return [];
  const { arn, account, region, trace } = aws;
  const { mode, endpoint, profile } = aws.wish;
  const issued = trace === null ? null : { kind: trace.kind, expiresAt: trace.expiresAt };
  return [{ kind: "aws", mode, account, region, arn, profile, endpoint, issued }];
}

function toJson(status: SessionStatus): unknown {
  const { record, state, usage, snapshots, applies, trust, wish } = status;
  const { generation: _g, nextSnapshot: _n, version: _v, state: _s, ...shown } = record;
  return {
    session: record.id,
    state,
    ...shown,
    usage,
    snapshots: snapshots.map(({ id }) => id),
    autoSnapshots: status.takesSnapshots,
    applies: applies.map(({ id: _, ...shown }) => shown),
    trust: trust === null ? null : { rules: trust.rules, trustAll: trust.trustAll },
    wish,
    credentials: credentialsJson(status),
    exposed: findExposedTokens(record.project.path, record.hidden),
  };
}

function mountLines({ record }: SessionStatus): string[] {
  const layers = record.layers.map(({ name, hostPath, base, target }) =>
    hostPath === null
      ? `  ${target}  (${name}: ${record.lower === undefined ? "empty" : "as in the snapshot"} at the start, thrown away with the session)`
      : `  ${displayPath(target)}  copy-on-write over ${displayPath(hostPath)}${base === "upload" ? " (uploaded copy)" : ""}`,
  );
  const binds = record.paths
    .filter(({ mode }) => mode !== "cow")
    .map(({ hostPath, target, mode }) =>
      mode === "rw"
        ? `  ${displayPath(target)}  WRITES THROUGH to ${displayPath(hostPath)}`
        : `  ${displayPath(target)}  read-only from ${displayPath(hostPath)}`,
    );
  return [...layers, ...binds];
}

function agentLines({ agent }: SessionStatus["record"]): string[] {
  if (agent === undefined) return [];
  const { name, carried } = agent;
  const taken = carried.map((path) => `  ~/${displayPath(path)}`);
  const text = taken.length === 0 ? "nothing of your own configuration" : "of your own configuration, without secrets:";
  return [`agent       ${escapeText(name)}, with ${text}`, ...taken];
}

function forkLine({ lower }: SessionStatus["record"]): string[] {
  if (lower === undefined) return [];
  const [top, ...others] = lower.map(({ session, snapshot }) => `${session}/${snapshot}`);
  const below = others.length === 0 ? "" : `, itself on ${others.join(", ")}`;
  return [`fork of     ${top}${below} (shared, not copied)`];
}

function endLine({ record, state }: SessionStatus): string[] {
  const { lastExit } = record;
  if (state === "running" || lastExit === null) return [];
  return [`ended       code ${lastExit.code}${lastExit.reason === null ? "" : `: ${escapeText(lastExit.reason)}`}`];
}

function applyLines({ applies }: SessionStatus): string[] {
  if (applies.length === 0) return ["applied     nothing"];
  const lines = applies.map((each) => {
    const what = each.kind === "undo" ? `undo of ${each.undoes}` : countOf(each.paths, "path");
    return `  ${each.applyId}  ${each.createdAt}  ${what}, ${applyState(each)}`;
  });
  const standing = applies.filter(({ kind, phase, undone }) => kind === "apply" && phase === "committed" && !undone);
  return [
    `applied     ${standing.length === 0 ? "nothing that stands" : countOf(standing.length, "apply", "applies")}`,
    ...lines,
  ];
}

function trustLine({ trust, record }: SessionStatus): string[] {
  if (record.state === "discarded") return [];
  if (trust === null) return ["trust       nothing: its file cannot be read (airlock tools reset)"];
  const all = trustAllText(trust);
  const said = trust.rules.filter(({ origin }) => origin !== "default").length;
  const rules = said === 0 ? "" : `, ${countOf(said, "rule")} besides`;
  return [`trust       ${all ?? `to read the workspace${rules} (airlock tools)`}`];
}

function credentialLines({ record, aws, keys }: SessionStatus): string[] {
  if (record.state === "discarded") return ["credentials none left"];
  const put = heldKeys(keys).map(
    ({ host, variable }) => `key         ${variable}, put in by the gate for ${escapeText(host)} alone`,
  );
  if (aws === null) return ["credentials none handed out", ...put];
  return [`credentials ${credentialsText(aws)}`, `AWS         ${awsReach(aws)}`, ...put];
}

function formatStatus(status: SessionStatus): string {
  const { record, state, usage, snapshots } = status;
  const { limits, proof } = record;
  const hidden = record.hidden.map(({ path, rule }) => `  ${displayPath(path)}  (${rule})`);
  return [
    `session     ${record.id}  ${state}`,
    `project     ${displayPath(record.project.path)}  (inside: ${displayPath(record.workspace)})`,
    ...(record.command === null ? [] : [`command     ${escapeText(record.command.join(" "))}`]),
    ...forkLine(record),
    ...agentLines(record),
    ...endLine(status),
    `image       ${escapeText(record.image.reference)}`,
    `user        ${record.user}, uid ${record.uid}${record.user === "root" ? " (writable root, five file-ownership capabilities)" : " (no capability)"}`,
    `network     ${networkText(record)}: the container has no interface${record.network === undefined ? "" : ", every connection goes through the gate"}`,
    `wall        ${proof === null ? "not proved" : `proved at ${proof.at} by ${proof.checks} checks`}`,
    `limits      memory ${formatSize(limits.memoryBytes)}, ${limits.cpus} CPUs, ${limits.pids} processes, disk ${formatSize(limits.diskBytes)}${limits.timeoutSeconds > 0 ? `, ${limits.timeoutSeconds} s` : ""}`,
    ...(usage === null ? [] : [`written     ${formatSize(usage.bytes)} in ${usage.entries} entries`]),
    `snapshots   ${snapshots.length === 0 ? "none" : snapshots.map(({ id }) => id).join(" ")}${status.takesSnapshots ? " (one before each tool call that writes)" : ""}`,
    ...applyLines(status),
    ...(status.wish === null ? [] : [`waits       ${applyWishText(status.wish, record.id)}`]),
    ...trustLine(status),
    ...credentialLines(status),
    ...findExposedTokens(record.project.path, record.hidden).map(
      (path) => `warning     ${path} holds a token, which the sandbox can read`,
    ),
    "mounts",
    ...mountLines(status),
    hidden.length === 0
      ? "hidden      nothing"
      : `hidden      ${countOf(hidden.length, "file")} that look${hidden.length === 1 ? "s" : ""} like ${hidden.length === 1 ? "a secret" : "secrets"}`,
    ...hidden,
  ].join("\n");
}

async function status(context: CommandContext, id: string | undefined, options: GlobalOptions): Promise<number> {
  return withBench(context, async (bench) => {
    await reportAbandoned(context, bench);
    const found = await sessionStatus(
      bench,
      await chooseSession(context, bench, id, { includeDiscarded: id !== undefined }),
    );
    if (options.json === true) context.printJson(toJson(found));
    else context.print(formatStatus(found));
    return 0;
  });
}

/** `airlock status`. */
export function define(command: Command, act: Act): void {
  command
    .argument("[id]", "the session; by default the newest of the project")
    .addHelpText("after", "\nExit status: 0 · 10 no such session · 12 engine")
    .action(act(status));
}
