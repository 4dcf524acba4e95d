import { countChanges, orderForPeople, selectChanges } from "../../changes/collect.js";
import { readJournal } from "../../journal/read.js";
import type { Desk, DeskAnswer, DeskCall } from "../../mcp/desk.js";
import type { SessionRecord } from "../../model/session.js";
import type { Caller, ToolOutcome } from "../../model/tool.js";
import { saveApplyWish } from "../../session/apply/apply-wish.js";
import { gatherFeedback } from "../../session/apply/feedback.js";
import { changesOf, openContents } from "../../session/changes.js";
import { gitChangesOf } from "../../session/git/git-changes.js";
import { journalPaths } from "../../session/home.js";
import { restoreSession, snapshotSession } from "../../session/snapshot.js";
import { sessionStatus } from "../../session/status.js";
import { requireLiveSession } from "../../session/store.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import { applyWishText } from "../render/apply-wish.js";
import { renderDiffJson } from "../render/diff-json.js";
import { formatFeedback } from "../render/feedback.js";
import { networkText } from "../render/network-text.js";
import { renderPatch } from "../render/patch.js";
import { programOf, withBench } from "../with-bench.js";

const mostChanges = 500;

/** What a desk is made of: the session that its client works in, and the way into its sandbox. */
interface DeskParts {
  readonly context: CommandContext;
  /** Resolves to the session once it runs. */
  readonly session: () => Promise<SessionRecord>;
  readonly callTool: (record: SessionRecord, call: DeskCall) => Promise<ToolOutcome>;
}

async function diffOf(bench: Workbench, record: SessionRecord, paths: readonly string[]): Promise<DeskAnswer> {
  const found = await changesOf(bench, record);
  const chosen = paths.length === 0 ? [...found.changes] : selectChanges(found.changes, paths);
  const git = await gitChangesOf(bench, record, chosen);
  const changes = orderForPeople(chosen).slice(0, mostChanges);
  let text = "";
  for await (const chunk of renderDiffJson({ ...found, changes, totals: countChanges(chosen), git })) text += chunk;
  return { ...(JSON.parse(text) as DeskAnswer), left: chosen.length - changes.length };
}

async function statusOf(bench: Workbench, record: SessionRecord): Promise<DeskAnswer> {
  const { state, usage, snapshots, trust } = await sessionStatus(bench, record);
  const left = await gatherFeedback(bench, record);
  const { id, project, workspace, limits, user, hidden, paths, proof } = record;
  return {
    session: id,
    state,
    project: project.path,
    workspace,
    network: networkText(record),
    user,
    limits,
    written: usage,
    snapshots: snapshots.map((each) => ({ id: each.id, createdAt: each.createdAt, message: each.message })),
    hidden: hidden.map(({ path }) => path),
    trust: trust === null ? null : { rules: trust.rules, everything: trust.trustAll },
    paths: paths.map(({ target, mode }) => ({ path: target, mode })),
    rejected: left.map(({ change, reason }) => ({ path: change.path, kind: change.kind, reason })),
    wall: proof === null ? "not proved" : `proved by ${proof.checks} checks`,
  };
}

async function patchOf(bench: Workbench, record: SessionRecord, maxBytes: number): Promise<string> {
  const { changes } = await changesOf(bench, record, { hashes: "shown" });
  await using source = await openContents(bench, record, changes);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of renderPatch({ changes, source, warn: () => undefined, signal: bench.signal })) {
    const piece = Buffer.from(chunk);
    length += piece.length;
    if (length > maxBytes)
      return `${Buffer.concat(pieces).toString("utf8")}\n(cut: airlock diff --patch has the rest)\n`;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

async function lastLines(bench: Workbench, id: string, most: number): Promise<string> {
  const lines: string[] = [];
  for await (const entry of readJournal(journalPaths(bench.home, id).journal)) {
    lines.push(JSON.stringify(entry));
    if (lines.length > most) lines.shift();
  }
  return lines.map((line) => `${line}\n`).join("");
}

async function wishForApply(
  context: CommandContext,
  bench: Workbench,
  record: SessionRecord,
  wish: { readonly reason: string; readonly caller: Caller },
): Promise<DeskAnswer> {
  const { changes } = await changesOf(bench, record);
  const command = `airlock review ${record.id}`;
  await bench.recorder(record.id)({ kind: "apply.requested", data: { ...wish, changes: changes.length } });
  const told = { at: new Date().toISOString(), ...wish, changes: changes.length };
  await saveApplyWish(bench.home, record.id, told);
  context.note(`airlock: ${applyWishText(told, record.id)}`);
  const next = `Nothing was applied. A person reviews the changes with: ${command}`;
  return { session: record.id, applied: false, changes: changes.length, command, told: next };
}

/** Makes the desk of one session. Everything but tool calls opens a workbench of its own: a connection that broke harms one call. */
export function makeDesk({ context, session, callTool }: DeskParts): Desk {
  const quiet = { ...context, options: { ...context.options, quiet: true } };
  const within = async <T>(work: (bench: Workbench, record: SessionRecord) => Promise<T>): Promise<T> => {
    const { id } = await session();
    return await withBench(quiet, async (bench) => work(bench, await requireLiveSession(bench.home, id)));
  };
  return {
    sessionId: async () => (await session()).id,
    callTool: async (call) => callTool(await session(), call),
    snapshot: (message) =>
      within(async (bench, { id }) => {
        const taken = await snapshotSession(bench, id, { message, reason: "request" });
        return { session: id, id: taken.id, files: taken.files, bytes: taken.bytes, message };
      }),
    restore: (snapshot) =>
      within(async (bench, { id }) => {
        const { before } = await restoreSession(bench, id, snapshot, programOf(context));
        return { session: id, restored: snapshot, before: before.id };
      }),
    diff: (paths) => within((bench, record) => diffOf(bench, record, paths)),
    status: () => within(statusOf),
    requestApply: (reason, caller) =>
      within((bench, record) => wishForApply(context, bench, record, { reason, caller })),
    patch: (maxBytes) => within((bench, record) => patchOf(bench, record, maxBytes)),
    feedback: () => within(async (bench, record) => formatFeedback(await gatherFeedback(bench, record))),
    journal: (maxLines) => within((bench, { id }) => lastLines(bench, id, maxLines)),
  };
}
