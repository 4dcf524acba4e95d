import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AirlockError, messageOf } from "../base/errors.js";
import { holderOf, takeLock } from "../base/file-lock.js";
import type { ApplySummary, HostState, Operation, OperationSource } from "../model/apply.js";
import { commitSteps } from "./commit.js";
import { keepBeforeImages, settle, tidy } from "./finish.js";
import { fewEnough, makeDurable, openForSync } from "./make-durable.js";
import { type PlannedStep, planSteps } from "./plan-steps.js";
import { type FolderIdentity, openProjectTree, type ProjectTree } from "./project-tree.js";
import {
  type ApplyRecord,
  makeApplyFolder,
  readApply,
  type Step,
  type Steps,
  saveApply,
  saveSettled,
  saveSteps,
  summaryOf,
} from "./record.js";
import type { RolledBack } from "./roll-back.js";
import { makeStage, type Stage, stagedPath } from "./stage.js";
import { stageEntries } from "./stage-entries.js";
import { describeLeft, syncFolders, takeBack } from "./take-back.js";
import { type VerifiedHost, verifyHost } from "./verify-host.js";

/** One apply: what is to be written where, and under whose rights. */
export interface ApplyRequest {
  /** Where it is recorded; it must be new. */
  readonly folder: string;
  readonly header: Pick<ApplySummary, "id" | "session" | "kind" | "undoes" | "createdAt">;
  /** The very folder that the session was made for. */
  readonly root: FolderIdentity;
  /** A lock file that all applies to this folder take. */
  readonly lock: string;
  /** Airlock runs as root: what it writes then belongs to whom the project belongs to. */
  readonly asRoot: boolean;
  readonly operations: readonly Operation[];
  readonly source: OperationSource;
  /** False: a power cut may undo or tear what was reported as done. */
  readonly sync: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Told before each change on the disk; for tests, which die there. */
  readonly onStep?: (what: string) => void;
  /** For tests of what systems without /proc get. */
  readonly portable?: boolean;
}

const lockWaitMs = 30_000;

/** Takes the project for one apply, undo or recovery at a time. */
export async function lockProject(path: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = await takeLock(path, { waitMs: lockWaitMs, signal });
  if (lock !== null) return lock;
  throw new AirlockError("E_SESSION_BUSY", `process ${(await holderOf(path)) ?? "?"} is writing the project`, {
    hint: "wait for it to finish, or end that process",
  });
}

/**
 * Writes the project, all or nothing. Throws `E_APPLY_CONFLICT` where the host is not as `expected`, `E_APPLY_FAILED` or
 * `E_DISK_FULL` where the system refuses something, naming the path; the project is then as it was. Killed anywhere,
 * `recoverApply` ends it.
 */
export async function applyOperations(request: ApplyRequest): Promise<ApplySummary> {
  await using _lock = await lockProject(request.lock, request.signal);
  if (readApply(request.folder) !== null) throw new AirlockError("E_INTERNAL", `${request.folder} is taken`);
  using tree = openProjectTree(request.root, request.portable);
  return await new Transaction(request, tree).run();
}

class Transaction {
  readonly #request: ApplyRequest;
  readonly #tree: ProjectTree;
  readonly #onStep: (what: string) => void;
  #done = 0;
  #total = 0;

  constructor(request: ApplyRequest, tree: ProjectTree) {
    this.#request = request;
    this.#tree = tree;
    this.#onStep = request.onStep ?? (() => undefined);
  }

  async run(): Promise<ApplySummary> {
    const { folder, lock, operations, signal, asRoot, sync } = this.#request;
    // The lock's file was made just now, so it tells as whom.
    const writer = { uid: lstatSync(lock).uid, asRoot };
    const host = await verifyHost(this.#tree, operations, writer, signal);
    await makeApplyFolder(folder, sync);
    const root = host.folders.find((one) => one.folder === ".")?.before;
    if (root === undefined) throw new AirlockError("E_INTERNAL", "the project's folder was not looked at");
    const planned = planSteps(host.operations);
    this.#total = planned.length * 2;
    const record = this.#record(root);
    await this.#save(record);
    using stage = await this.#prepare(record, planned, host);
    const steps = { steps: planned.map(plainStep), folders: host.folders };
    return await this.#commit({ ...record, phase: "committing" }, stage, steps, host);
  }

  #record(root: HostState): ApplyRecord {
    const { header, root: identity, lock, operations } = this.#request;
    const { path, device, inode } = identity;
    return {
      version: 1,
      ...header,
      phase: "preparing",
      paths: operations.length,
      root: { path, device, inode, mtimeNs: root.mtimeNs },
      lock,
      stage: `.airlock-apply-${randomBytes(8).toString("hex")}`,
    };
  }

  async #save(record: ApplyRecord): Promise<void> {
    this.#onStep(`phase ${record.phase}`);
    await saveApply(this.#request.folder, record, this.#request.sync);
  }

  #progress(): void {
    this.#done += 1;
    this.#request.onProgress?.(this.#done, this.#total);
  }

  /** Up to the moment from which a crash is rolled back: nothing but the stage is written. */
  async #prepare(record: ApplyRecord, planned: readonly PlannedStep[], host: VerifiedHost): Promise<Stage> {
    const { source, signal, sync, folder, asRoot } = this.#request;
    const { folders } = host;
    const tree = this.#tree;
    let stage: Stage | null = null;
    try {
      this.#onStep("make stage");
      stage = makeStage(tree, record.stage);
      const onFile = (): void => this.#progress();
      const syncEach = sync && planned.length <= fewEnough;
      const wish = {
        tree,
        stage,
        steps: planned,
        folders,
        source,
        asRoot,
        syncEach,
        signal,
        onFile,
        onStep: this.#onStep,
      };
      await stageEntries(wish);
      // Neither counts without the other: the disk may write both at once.
      const durable = sync ? makeDurable(stagedHandles(stage, planned, syncEach)) : Promise.resolve();
      const saved = saveSteps(folder, { steps: planned.map(plainStep), folders }, sync);
      await bothOf(durable, saved);
      await this.#save({ ...record, phase: "committing" });
      return stage;
    } catch (error) {
      await this.#abandon(record, stage);
      throw error;
    }
  }

  async #abandon(record: ApplyRecord, stage: Stage | null): Promise<void> {
    using _closed = stage;
    const { folder, sync } = this.#request;
    const abandoned: ApplyRecord = { ...record, phase: "rolled-back" };
    await tidy({ tree: this.#tree, stage, record: abandoned, steps: null, folder });
    await saveApply(folder, abandoned, sync);
  }

  async #commit(record: ApplyRecord, stage: Stage, steps: Steps, host: VerifiedHost): Promise<ApplySummary> {
    const { folder, signal, sync } = this.#request;
    const tree = this.#tree;
    const done: ApplyRecord = { ...record, phase: "committed" };
    try {
      const onDone = (): void => this.#progress();
      const { hashedAtMs } = host;
      await commitSteps({ tree, stage, ...steps, hashedAtMs, signal, onDone, onStep: this.#onStep });
      if (sync) await syncFolders(tree, steps);
      await keepBeforeImages(stage, steps.steps, folder, { sync, onStep: this.#onStep });
      await saveSettled(folder, settle(tree, steps, "after"), sync);
      await this.#save(done);
    } catch (error) {
      using again = openProjectTree(this.#request.root, this.#request.portable);
      throw explain(error, await takeBack({ tree: again, record, steps, folder, sync, onStep: this.#onStep }));
    }
    this.#onStep("tidy");
    await tidy({ tree, stage, record: done, steps, folder });
    return summaryOf(done);
  }
}

/** Waits for the end of both, also when one fails: nothing may go on behind the caller's back. */
async function bothOf(...promises: readonly [Promise<void>, Promise<void>]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) if (result.status === "rejected") throw result.reason;
}

const plainStep = ({ number, path, act, before, after, staged, carriedBy }: PlannedStep): Step => ({
  number,
  path,
  act,
  before,
  after,
  staged,
  carriedBy,
});

function stagedHandles(stage: Stage, steps: readonly PlannedStep[], filesAreSafe: boolean) {
  const byNumber = new Map(steps.map((step) => [step.number, step]));
  const handles = function* () {
    for (const step of steps) {
      if (step.staged === null || (filesAreSafe && step.after?.type === "file")) continue;
      yield openForSync(stagedPath(stage, step, byNumber));
    }
    yield openForSync(stage.at("."));
  };
  return { folder: stage.at("."), count: steps.length, handles: handles() };
}

/** What the person reads when an apply failed: why, and what of it could not be taken back. */
function explain(cause: unknown, { kept, failed }: RolledBack): unknown {
  if (kept.length === 0 && failed.length === 0) return cause;
  const code = failed.length === 0 && cause instanceof AirlockError ? cause.code : "E_APPLY_FAILED";
  return new AirlockError(code, `${messageOf(cause)}; ${describeLeft({ kept, failed })}`, {
    hint:
      failed.length === 0
        ? "the old content of these paths is kept in the state folder"
        : "put right what is in the way; the next airlock command tries again",
    cause,
  });
}
