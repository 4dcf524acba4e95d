import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DisposeStack } from "../base/dispose.js";
import { AirlockError, isAirlockError } from "../base/errors.js";
import { takeLock } from "../base/file-lock.js";
import { newSessionId, sessionIdPattern } from "../base/ids.js";
import { together } from "../base/together.js";
import { defaultLimits } from "../config/defaults.js";
import type { ContainerRequest, ImageState } from "../model/engine.js";
import type { ApprovedPath, Layer, Limits, SessionRecord } from "../model/session.js";
import { checkProject, type ProjectFolder, workspaceTarget } from "../policy/project.js";
import { removeSession } from "./discard.js";
import { forkedParts, imageOfFork, requireSameGround } from "./fork-parts.js";
import { journalPaths, sessionFolder } from "./home.js";
import { keepAuto, keepAws, keepNetwork, keepTrust } from "./keep-wishes.js";
import { approvePaths, protectedPlaces } from "./paths.js";
import { planLayers, type SessionPlan } from "./plan.js";
import { sandboxHome } from "./sandbox/environment.js";
import { createLayers, createLayerVolumes, hiddenFiles, scanLayers } from "./sandbox/layers.js";
import { type OpenSandbox, type SandboxWish, sandboxRequest, startSandbox } from "./sandbox/sandbox.js";
import { claimSession, loadSession, saveSession } from "./store.js";
import { endAnyTrustAll } from "./tools/end-any-trust.js";
import type { Workbench } from "./workbench.js";

/** A session whose sandbox runs behind a proved wall, its first process still waiting for `releaseSandbox`. */
export interface OpenedSession extends AsyncDisposable {
  readonly record: SessionRecord;
  readonly image: ImageState;
  readonly sandbox: OpenSandbox;
}

async function claimId(bench: Workbench, name: string | undefined): Promise<string> {
  if (name !== undefined) {
    if (!sessionIdPattern.test(name)) {
      throw new AirlockError("E_USAGE", `"${name}" cannot be a session's name`, {
        hint: "use a-z, 0-9 and -, 2 to 63 characters",
      });
    }
    if (await claimSession(bench.home, name)) return name;
    throw new AirlockError("E_SESSION_STATE", `there is a session "${name}" already`, {
      hint: `airlock discard ${name} && airlock prune`,
    });
  }
  for (;;) {
    const id = newSessionId();
    if (await claimSession(bench.home, id)) return id;
  }
}

// The engine refuses more processors than it has; asked for by nobody, they are as many as there are.
async function fitLimits(bench: Workbench, { limits, runtime }: SessionPlan): Promise<Limits> {
  const { cpus, runtimes } = await (await bench.engine()).capacity();
  if (runtime !== undefined && !runtimes.includes(runtime)) {
    throw new AirlockError(
      "E_RUNTIME_UNUSABLE",
      `the engine has no runtime "${runtime}", only ${runtimes.join(", ")}`,
      {
        hint: "airlock doctor tests each of them",
      },
    );
  }
  return limits.cpus === defaultLimits.cpus ? { ...limits, cpus: Math.min(limits.cpus, cpus) } : limits;
}

// A sandbox of root's on root's own project runs as uid 0 without any capability; on anybody else's project as its owner.
function sandboxOwner(
  bench: Workbench,
  plan: SessionPlan,
  project: ProjectFolder,
): { readonly uid: number; readonly gid: number } {
  if (plan.user === "root") return { uid: 0, gid: 0 };
  const { uid, gid } = bench.surroundings;
  return uid === 0 ? { uid: project.uid, gid: project.gid } : { uid, gid };
}

interface Ingredients {
  readonly id: string;
  readonly plan: SessionPlan;
  readonly project: ProjectFolder;
  readonly image: ImageState;
  readonly layers: readonly Layer[];
  readonly paths: readonly ApprovedPath[];
  readonly baseTimeMs: number;
}

async function makeRecord(bench: Workbench, parts: Ingredients): Promise<SessionRecord> {
  const { id, plan, project, image, layers, paths, baseTimeMs } = parts;
  const { endpoint } = await bench.foundEngine();
  return {
    version: 1,
    id,
    createdAt: new Date().toISOString(),
    baseTimeMs,
    project: { path: project.path, device: project.device, inode: project.inode },
    workspace: workspaceTarget(project.path),
    engine: endpoint.address,
    image: { reference: plan.image ?? bench.sandboxImage, id: image.id },
    user: plan.user,
    ...sandboxOwner(bench, plan, project),
    runtime: plan.runtime ?? null,
    limits: plan.limits,
    layers,
    paths,
    hidden: [],
    state: "starting",
    container: null,
    rootImage: null,
    generation: 1,
    command: plan.command,
    lastExit: null,
    proof: null,
    nextSnapshot: 1,
    ...(plan.network.mode === "none" ? {} : { network: plan.network.mode }),
    ...(plan.hooks === true ? { hooks: true as const } : {}),
    ...(plan.isRecorded ? {} : { isRecorded: false as const }),
    ...(plan.aws === null || plan.aws.wish.mode === "off" ? {} : { aws: plan.aws.wish.mode }),
    ...(plan.agent === null ? {} : { agent: { name: plan.agent.name, carried: plan.agent.carried } }),
    ...(plan.fork === undefined ? {} : forkedParts(plan.fork)),
  };
}

/** Journals the verdict and saves it in the record; a wall that is not proved is the end of the start. */
export async function acceptVerdict(
  bench: Workbench,
  record: SessionRecord,
  sandbox: OpenSandbox,
): Promise<SessionRecord> {
  const { verdict, container } = sandbox;
  const failed = verdict.checks.filter(({ ok }) => !ok);
  const kind = verdict.ok ? "wall.proved" : "wall.failed";
  const proof = { ok: true, at: new Date().toISOString(), failed: [], checks: verdict.checks.length };
  const proved: SessionRecord = { ...record, state: "running", container, proof };
  await together(
    bench.recorder(record.id)({
      kind,
      data: { container, checks: verdict.checks.length, failed, command: record.command },
    }),
    verdict.ok ? saveSession(bench.home, proved) : Promise.resolve(),
  );
  if (!verdict.ok) {
    await endAnyTrustAll(bench, record, "the wall was not proved");
    const list = failed.map(({ name, expected, found }) => `${name}: expected ${expected}, found ${found}`);
    throw new AirlockError(
      "E_WALL_UNPROVED",
      `the sandbox's wall is not as asked for, so nothing was run:\n  ${list.join("\n  ")}`,
      {
        hint: "airlock doctor shows what this engine and runtime can do",
      },
    );
  }
  return proved;
}

/** What the engine makes of a session while the secrets are still being looked for; nothing of it is mounted before the start. */
async function makeContainer(
  bench: Workbench,
  { record, image, tty }: SandboxWish,
): Promise<{ readonly request: ContainerRequest; readonly container: string }> {
  const request = await sandboxRequest(bench, { record, image, tty });
  await createLayerVolumes(bench, record);
  return { request, container: await (await bench.engine()).createContainer(request) };
}

/** Hides the secrets, makes the layers, and writes down what was begun. */
async function fillLayers(bench: Workbench, draft: SessionRecord, plan: SessionPlan): Promise<SessionRecord> {
  const scans = await scanLayers(bench, draft, plan);
  const record: SessionRecord = { ...draft, hidden: hiddenFiles(draft.layers, scans) };
  const { id, project, image, user, paths, limits, command } = record;
  await together(
    saveSession(bench.home, record),
    keepNetwork(bench, id, plan),
    keepAws(bench, id, plan),
    bench.recorder(id)({
      kind: "session.create",
      data: {
        project: project.path,
        image,
        user,
        paths,
        limits,
        command,
        network: plan.network,
        trust: plan.trust.rules,
        ...(plan.aws === null ? {} : { aws: plan.aws.wish }),
        ...(plan.keys.length === 0
          ? {}
          : { keys: [...new Set(plan.keys.map(({ host, from }) => `${host} ${from.env}`))] }),
        ...(record.agent === undefined ? {} : { agent: record.agent }),
        ...(record.lower === undefined ? {} : { lower: record.lower }),
      },
    }),
    createLayers(bench, record, scans, plan.agent?.home ?? []),
  );
  await keepTrust(bench, record, plan);
  await keepAuto(bench, id, plan);
  return record;
}

async function buildSession(bench: Workbench, plan: SessionPlan, id: string): Promise<OpenedSession> {
  const baseTimeMs = Date.now();
  const places = await protectedPlaces(bench);
  const project = await checkProject(plan.project, places);
  const paths = await approvePaths(plan, project.path, places);
  const cow = paths.filter(({ mode }) => mode === "cow");
  const [keeper, image, limits] = await Promise.all([
    bench.keeperContainer(),
    plan.fork === undefined ? bench.image(plan.image) : imageOfFork(bench, plan.fork),
    fitLimits(bench, plan),
  ]);
  const workspace = { hostPath: project.path, target: workspaceTarget(project.path) };
  const base = plan.base ?? (keeper.sharesFiles ? "overlay" : "upload");
  const layers = planLayers(id, base, workspace, sandboxHome, cow);
  if (plan.fork !== undefined) requireSameGround(plan.fork, { project, layers });
  const fitted = { ...plan, limits };
  const draft = await makeRecord(bench, { id, plan: fitted, project, image, layers, paths, baseTimeMs });
  const [{ request, container }, record] = await together(
    makeContainer(bench, { record: draft, image, tty: plan.tty }),
    fillLayers(bench, draft, plan),
  );
  const sandbox = await startSandbox(bench, { container, request, record, image, tty: plan.tty });
  try {
    const proved = await acceptVerdict(bench, record, sandbox);
    return { record: proved, image, sandbox, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() };
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

// What failed to start has no work to keep. Its journal stays only where a wall was not proved: that is worth knowing later.
async function undoOpening(bench: Workbench, id: string, error: unknown): Promise<void> {
  await removeSession(bench, id).catch(() => undefined);
  const record = isAirlockError(error, "E_WALL_UNPROVED") ? await loadSession(bench.home, id) : null;
  if (record !== null) return saveSession(bench.home, { ...record, state: "discarded" });
  await rm(sessionFolder(bench.home, id), { recursive: true, force: true });
  await rm(journalPaths(bench.home, id).head, { force: true });
}

/**
 * Makes a session: checks, scans, layers, sandbox, proof. When anything fails nothing of it is left. The caller holds the
 * session's `runner` lock until it disposes the result, so that others can tell when it was killed.
 */
export async function openSession(bench: Workbench, plan: SessionPlan): Promise<OpenedSession> {
  const id = await claimId(bench, plan.name);
  await using stack = new DisposeStack();
  try {
    const lock = await takeLock(join(sessionFolder(bench.home, id), "runner"), { waitMs: 0 });
    if (lock !== null) stack.use(lock);
    const opened = stack.use(await buildSession(bench, plan, id));
    if (bench.signal.aborted) throw new AirlockError("E_CANCELLED", "interrupted before the command began");
    const owned = stack.move();
    return { ...opened, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
  } catch (error) {
    await undoOpening(bench, id, error);
    throw error;
  }
}
