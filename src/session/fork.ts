import { AirlockError } from "../base/errors.js";
import type { Secret } from "../base/secret.js";
import type { ApprovedPath, SessionRecord } from "../model/session.js";
import type { ForkOrigin, PathRequest, SessionPlan } from "./plan.js";
import type { Program } from "./reopen.js";
import { requireSnapshot } from "./snapshot.js";
import { startSession } from "./start.js";
import { emptySnapshot, lockSession, requireLiveSession } from "./store.js";
import type { Workbench } from "./workbench.js";

/** What is wanted: sessions on one snapshot, with these names (undefined: one made up). */
export interface ForkWish {
  readonly parent: string;
  readonly snapshot: string;
  readonly names: readonly (string | undefined)[];
  /** As for a start; what the snapshot means something over is taken from the parent. */
  readonly plan: SessionPlan;
  readonly env: ReadonlyMap<string, Secret>;
  readonly program: Program;
  readonly onStarted: (record: SessionRecord) => Promise<void>;
}

async function findOrigin(bench: Workbench, parent: SessionRecord, snapshot: string): Promise<ForkOrigin> {
  const { id, manifestSha256, image } = await requireSnapshot(bench, parent, snapshot);
  const inherited = parent.lower ?? [];
  if (id === emptySnapshot) {
    if (inherited.length > 0) return { parent, lower: inherited, rootImage: image };
    throw new AirlockError("E_USAGE", `${emptySnapshot} of ${parent.id} holds nothing that a fork could begin on`, {
      hint: "airlock start begins a session on the project",
    });
  }
  const keeper = await bench.keeper();
  await keeper.verifySnapshot({
    session: parent.id,
    snapshot: id,
    ...(manifestSha256 === null ? {} : { manifestSha256 }),
  });
  return { parent, lower: [{ session: parent.id, snapshot: id }, ...inherited], rootImage: image };
}

// Approved once more, for each fork: a path that is written through has to be allowed by its own flag.
const requestFor = ({ hostPath, target, mode }: ApprovedPath): PathRequest => ({
  host: hostPath,
  mode,
  target,
  approved: false,
});

function planOn(origin: ForkOrigin, plan: SessionPlan): SessionPlan {
  const { parent } = origin;
  const base = parent.layers.find(({ name }) => name === "workspace")?.base;
  return {
    ...plan,
    base: base === "upload" ? "upload" : "overlay",
    user: parent.user,
    paths: parent.paths.map(requestFor),
    fork: origin,
  };
}

/**
 * Starts sessions on a snapshot of another. Its part of the store lies below theirs and is shared: nothing is copied, and
 * it stays as long as one of them does. Those that were started before one fails stay, too.
 */
export async function forkSnapshot(bench: Workbench, wish: ForkWish): Promise<void> {
  // The parent cannot be destroyed before the records say that they need it.
  await using _lock = await lockSession(bench.home, wish.parent, bench.signal);
  const parent = await requireLiveSession(bench.home, wish.parent);
  const plan = planOn(await findOrigin(bench, parent, wish.snapshot), wish.plan);
  for (const name of wish.names) {
    const record = await startSession(bench, { plan: { ...plan, name }, env: wish.env, program: wish.program });
    await bench.recorder(parent.id)({ kind: "snapshot.fork", data: { snapshot: wish.snapshot, fork: record.id } });
    await wish.onStarted(record);
  }
}
