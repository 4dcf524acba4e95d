import { readFileSync } from "node:fs";
import { loadApply } from "../../../src/apply/applies.js";
import { recoverApply } from "../../../src/apply/recover.js";
import { applyOperations } from "../../../src/apply/transaction.js";
import { planUndo } from "../../../src/apply/undo.js";
import { operationsBetween, sourceFrom } from "./trees.js";

/** What a child that dies half-way is told: JSON in a file whose name is its argument. */
export interface ChildOrders {
  readonly act: "apply" | "undo" | "recover";
  /** The step at which it kills itself; 0: none. */
  readonly dieAt: number;
  readonly project: string;
  readonly root: { readonly path: string; readonly device: string; readonly inode: string };
  readonly target: string;
  readonly folder: string;
  /** The folder of the apply that an undo takes back. */
  readonly undoes: string;
  readonly lock: string;
  readonly asRoot: boolean;
  readonly sync: boolean;
}

const orders: ChildOrders = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
let steps = 0;

function onStep(): void {
  steps += 1;
  if (steps === orders.dieAt) process.kill(process.pid, "SIGKILL");
}

async function work(): Promise<void> {
  const { act, folder, root, lock, asRoot, sync, project, target, undoes } = orders;
  if (act === "recover") {
    process.stdout.write(`${await recoverApply(folder, { onStep })}\n`);
    return;
  }
  const plan =
    act === "apply"
      ? { operations: operationsBetween(project, target), source: sourceFrom(target) }
      : await planUndo(await loadApply(undoes));
  const id = folder.slice(folder.lastIndexOf("/") + 1);
  const header = { id, session: "s", kind: act, undoes: null, createdAt: new Date(0).toISOString() } as const;
  const signal = new AbortController().signal;
  await applyOperations({ folder, header, root, lock, asRoot, ...plan, sync, signal, onStep });
}

await work();
process.stdout.write(`steps ${steps}\n`);
