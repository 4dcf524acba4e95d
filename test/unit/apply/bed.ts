import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listApplies, loadApply } from "../../../src/apply/applies.js";
import { type ApplyRequest, applyOperations } from "../../../src/apply/transaction.js";
import { planUndo } from "../../../src/apply/undo.js";
import type { ApplySummary, Operation } from "../../../src/model/apply.js";
import { noSource } from "./trees.js";

type Wish = Partial<Omit<ApplyRequest, "operations">>;

/** A project on the host, a state folder beside it, and applies between them. */
export class ApplyBed implements Disposable {
  readonly top: string;
  readonly project: string;
  /** What `sessions/<id>/apply` is for a session. */
  readonly applies: string;

  constructor(parent = tmpdir()) {
    this.top = mkdtempSync(join(parent, "airlock-apply-"));
    this.project = join(this.top, "project");
    this.applies = join(this.top, "state", "apply");
    mkdirSync(this.project);
  }

  get root() {
    const { dev, ino } = lstatSync(this.project, { bigint: true });
    return { path: this.project, device: String(dev), inode: String(ino) };
  }

  folderOf(id: string): string {
    return join(this.applies, id);
  }

  async nextId(): Promise<string> {
    return `a${(await listApplies(this.applies)).length + 1}`;
  }

  /** The request of an apply, for a process of its own to carry out too. */
  request(id: string, operations: readonly Operation[], wish: Wish = {}): ApplyRequest {
    return {
      folder: this.folderOf(id),
      header: { id, session: "s", kind: "apply", undoes: null, createdAt: new Date(0).toISOString() },
      root: this.root,
      lock: join(this.top, "lock"),
      asRoot: process.getuid?.() === 0,
      operations,
      source: noSource,
      sync: false,
      signal: new AbortController().signal,
      ...wish,
    };
  }

  async apply(operations: readonly Operation[], wish: Wish = {}): Promise<ApplySummary> {
    return await applyOperations(this.request(await this.nextId(), operations, wish));
  }

  async undo(id: string, wish: Wish = {}): Promise<ApplySummary> {
    const { operations, source } = await planUndo(await loadApply(this.folderOf(id)));
    const own = await this.nextId();
    const header = { id: own, session: "s", kind: "undo", undoes: id, createdAt: new Date(0).toISOString() } as const;
    return await this.apply(operations, { source, header, ...wish });
  }

  [Symbol.dispose](): void {
    execFileSync("chmod", ["-R", "u+rwX", this.top]);
    rmSync(this.top, { recursive: true, force: true });
  }
}
