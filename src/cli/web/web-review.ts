import { AirlockError } from "../../base/errors.js";
import type { ApplyPlan } from "../../model/apply.js";
import type { Change } from "../../model/change.js";
import { applyPlan, makeApplyPlan, type PlanWish } from "../../session/apply/apply.js";
import { recordLeft } from "../../session/apply/feedback.js";
import { markLayer } from "../../session/apply/layer-mark.js";
import { lastApplyOf, undoApply } from "../../session/apply/undo.js";
import { castLines, castNumbers, openCast } from "../../session/recording/open-cast.js";
import { listSnapshots } from "../../session/snapshot.js";
import { requireLiveSession } from "../../session/store.js";
import type { Workbench } from "../../session/workbench.js";
import {
  offeredPolicies,
  offeredUnmerged,
  policyHelp,
  toBeAsked,
  withoutRejected,
} from "../dialogue/apply-selection.js";
import { isHigh } from "../dialogue/consent.js";
import { makePalette } from "../render/colour.js";
import { formatPlan } from "../render/plan.js";
import type { Ledger } from "../reviewer/infos.js";
import type { StagedSelection } from "../reviewer/staging.js";
import { Look } from "./look.js";
import type { DocMessage, DoneMessage, LookMessage, PlanMessage, StateMessage } from "./messages.js";
import type { ApplyRequest, PlanRequest } from "./requests.js";

interface Planned {
  readonly number: number;
  readonly look: Look;
  readonly selection: StagedSelection;
  readonly settled: Pick<PlanWish, "policy" | "unmerged">;
  readonly plan: ApplyPlan;
  readonly risky: readonly Change[];
}

interface Parts {
  readonly bench: Workbench;
  readonly id: string;
  readonly ledger: Ledger;
  readonly now: () => number;
}

// Looking holds the sandbox still: it is held still for a small part of the time at most.
const leastPauseMs = 2_000;
const pausePerLook = 10;
const planColumns = 100;

/** A review that pages take part in, one request after the other. What it asks and does is what the terminal's does. */
export class WebReview {
  readonly #parts: Parts;
  #look: Look;
  #mark: string;
  #nextLookAt = 0;
  #planned: Planned | null = null;
  #plans = 0;
  /** What a person noted in this review: the reason, where they say no to a path later. */
  readonly #notes = new Map<string, string>();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: Parts, look: Look, mark: string) {
    this.#parts = parts;
    this.#look = look;
    this.#mark = mark;
  }

  static async open(parts: Parts): Promise<WebReview> {
    const { bench, id, ledger } = parts;
    const mark = await markLayer(bench, await requireLiveSession(bench.home, id));
    return new WebReview(parts, await Look.open(bench, id, 1, ledger), mark);
  }

  look = (): Promise<LookMessage> => this.#inTurn(async () => this.#look.message());

  /** What is so now; looks again where the session wrote something since. */
  state = (): Promise<StateMessage> =>
    this.#inTurn(async () => {
      const { bench, id, now } = this.#parts;
      const record = await requireLiveSession(bench.home, id);
      if (now() >= this.#nextLookAt) {
        const begun = now();
        const mark = await markLayer(bench, record);
        if (mark !== this.#mark) await this.#lookAgain(mark);
        this.#nextLookAt = now() + Math.max(leastPauseMs, pausePerLook * (now() - begun));
      }
      const undo = await lastApplyOf(bench, id);
      return {
        look: this.#look.number,
        state: record.state,
        snapshots: (await listSnapshots(bench, record)).map(
          ({ id: name, createdAt, message, reason, files, bytes }) => ({
            ...{ id: name, createdAt, message, reason, files, bytes },
          }),
        ),
        recordings: await castNumbers(bench, id),
        undo: undo === null ? null : { applyId: undo.applyId, createdAt: undo.createdAt, paths: undo.paths },
      };
    });

  doc = (look: number, at: number): Promise<DocMessage> => this.#inTurn(async () => this.#require(look).doc(at));

  image = (look: number, at: number, side: "before" | "after"): ReturnType<Look["image"]> =>
    this.#inTurn(async () => this.#require(look).image(at, side));

  /** A recording with its marks, as asciicast version 2. */
  recording = async (number: number): Promise<string> => {
    const { bench, id } = this.#parts;
    return [...castLines(await openCast(bench, id, number))].join("");
  };

  plan = (request: PlanRequest): Promise<PlanMessage> =>
    this.#inTurn(async () => {
      const look = this.#require(request.look);
      const selection = await look.select(request.staged);
      const { policy = "fail", unmerged } = request;
      const settled: Planned["settled"] = { policy, ...(unmerged === undefined ? {} : { unmerged }) };
      const plan = await makeApplyPlan(this.#parts.bench, look.review, { ...selection, ...settled });
      const risky = toBeAsked(look.review, selection, plan).filter(isHigh);
      this.#plans += 1;
      const planned = { number: this.#plans, look, selection, settled, plan, risky };
      this.#planned = planned;
      return planMessage(planned);
    });

  apply = (request: ApplyRequest): Promise<DoneMessage> =>
    this.#inTurn(async () => {
      const planned = this.#planned;
      if (planned === null || planned.number !== request.plan)
        throw new AirlockError("E_APPLY_CONFLICT", "another plan was made since", { hint: "look at the plan again" });
      const { look, selection, settled, risky } = planned;
      const { bench } = this.#parts;
      const agreed = new Set(request.agreed);
      const rejected = risky.flatMap(({ path }, at) =>
        agreed.has(at) ? [] : [{ path, reason: this.#notes.get(path) ?? "" }],
      );
      const plan =
        rejected.length === 0
          ? planned.plan
          : await makeApplyPlan(bench, look.review, { ...withoutRejected(selection, rejected), ...settled });
      if (plan.conflicts.length > 0)
        throw new AirlockError("E_APPLY_CONFLICT", "the plan has conflicts", {
          hint: "say what is to be done about them",
        });
      this.#planned = null;
      const skipped = plan.skipped.length + rejected.length;
      if (plan.operations.length === 0) return { applyId: null, applied: 0, skipped };
      const done = await this.#write(() => applyPlan(bench, look.review, plan, { sync: true, rejected }));
      return { applyId: done.applyId, applied: done.applied.length, skipped };
    });

  undo = (applyId: string): Promise<DoneMessage> =>
    this.#inTurn(async () => {
      const { bench, id } = this.#parts;
      const last = await lastApplyOf(bench, id);
      if (last?.applyId !== applyId)
        throw new AirlockError("E_APPLY_NOT_FOUND", `${applyId} is not the last apply of this session`);
      const done = await this.#write(() => undoApply(bench, last, { sync: true }));
      return { applyId: done.applyId, applied: done.applied.length, skipped: 0 };
    });

  /** Looks again, whatever the session did: the host may have changed, too. */
  again = (): Promise<void> => this.#inTurn(() => this.#lookAgain(this.#mark));

  note = (look: number, at: number, text: string): Promise<void> =>
    this.#inTurn(async () => {
      const { path } = this.#require(look).at(at);
      await recordLeft(this.#parts.bench, this.#parts.id, [{ path, reason: text }]);
      this.#notes.set(path, text);
    });

  #require(look: number): Look {
    if (look === this.#look.number) return this.#look;
    throw new AirlockError("E_APPLY_CONFLICT", "the session changed since you looked", { hint: "look at it again" });
  }

  /** Whether it was written or could not be, what is true now is another than what was looked at. */
  async #write<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      await this.#lookAgain(this.#mark);
    }
  }

  async #lookAgain(mark: string): Promise<void> {
    const { bench, id, ledger } = this.#parts;
    const before = this.#look;
    this.#look = await Look.open(bench, id, before.number + 1, ledger);
    this.#mark = mark;
    await before[Symbol.asyncDispose]();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#look[Symbol.asyncDispose]();
  }
}

function planMessage({ number, look, settled, plan, risky }: Planned): PlanMessage {
  const { changes } = look.review.changes;
  const offered = settled.policy === "merge" ? offeredUnmerged : offeredPolicies;
  return {
    plan: number,
    text: formatPlan({ plan, changes, palette: makePalette(false), columns: planColumns }),
    writes: plan.operations.length,
    conflicts: plan.conflicts.length,
    policies: plan.conflicts.length === 0 ? [] : offered.map((policy) => ({ policy, help: policyHelp[policy] })),
    risky: risky.map(({ path, risk }, at) => ({ at, path, reasons: risk.reasons })),
  };
}
