import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { AirlockError, isAirlockError, messageOf } from "../base/errors.js";
import { newToken } from "../base/ids.js";
import { defaultLimits } from "../config/defaults.js";
import type { Engine, EngineFacts } from "../model/engine.js";
import { buildSandboxRequest } from "../wall/container-spec.js";
import { proveWall } from "../wall/prove.js";
import { readInitLine } from "./sandbox/release.js";
import type { Workbench } from "./workbench.js";

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  readonly hint: string | null;
}

const selfTestMs = 10_000;
const gibibyte = 1024 ** 3;

const ok = (name: string, detail: string): Finding => ({ name, status: "ok", detail, hint: null });
const warning = (name: string, detail: string, hint: string): Finding => ({ name, status: "warning", detail, hint });

async function attempt(name: string, work: () => Promise<Finding | Finding[]>): Promise<Finding[]> {
  try {
    return [await work()].flat();
  } catch (error) {
    const hint = isAirlockError(error) ? (error.hint ?? null) : null;
    return [{ name, status: "failed", detail: messageOf(error), hint }];
  }
}

async function engineFindings(bench: Workbench): Promise<Finding[]> {
  const { endpoint, looked } = await bench.foundEngine();
  const others = looked
    .filter(({ verdict }) => verdict !== "used")
    .map(({ source, address, verdict }) => `${source}${address === null ? "" : ` ${address}`}: ${verdict}`);
  const facts = await (await bench.engine()).facts();
  return [
    ok(
      "engine",
      `${facts.product} ${facts.version}, API ${facts.apiVersion}, at ${endpoint.address}, by ${endpoint.source}`,
    ),
    ...(others.length === 0 ? [] : [ok("engine, other places", others.join("; "))]),
    ...featureFindings(facts),
  ];
}

// Leaks of masked paths through races at start (CVE-2025-31133, -52565, -52881): fixed in 1.2.8, 1.3.3 and 1.4.0-rc.3.
function isAffectedRunc(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.\-+~]/).map(Number);
  if (major !== 1) return false;
  return minor < 2 || (minor === 2 && patch < 8) || (minor === 3 && patch < 3);
}

function featureFindings(facts: EngineFacts): Finding[] {
  const found: Finding[] = [];
  const { runcVersion } = facts;
  if (runcVersion !== null && isAffectedRunc(runcVersion)) {
    found.push(
      warning(
        "runc",
        `${runcVersion} has known escapes at container start, unless your distribution patched it`,
        "update runc, or use --runtime runsc where it works",
      ),
    );
  }
  if (!facts.seccomp)
    found.push(
      warning("seccomp", "the engine has none", "every sandbox's proof will fail; use an engine with seccomp"),
    );
  if (!facts.memoryLimit || !facts.pidsLimit)
    found.push(
      warning("limits", "the engine cannot limit memory or processes (rootless on cgroup v1?)", "use cgroup v2"),
    );
  if (facts.product === "podman")
    found.push(warning("podman", "support is in beta", "use Docker for work that matters"));
  if (facts.userNamespaces)
    found.push(
      warning(
        "userns-remap",
        "the engine maps user ids: files of the project look like somebody else's",
        "use --workspace upload",
      ),
    );
  return found;
}

async function imageFinding(bench: Workbench): Promise<Finding> {
  const image = await (await bench.engine()).inspectImage(bench.sandboxImage);
  if (image !== null) return ok("image", `${bench.sandboxImage}, ${(image.sizeBytes / 1e6).toFixed(0)} MB`);
  throw new AirlockError("E_IMAGE_MISSING", `${bench.sandboxImage} is not on the engine`, {
    hint: "airlock image build",
  });
}

async function keeperFinding(bench: Workbench): Promise<Finding> {
  const [keeper, { sharesFiles }] = await Promise.all([bench.keeper(), bench.keeperContainer()]);
  await keeper.hello();
  return ok(
    "keeper",
    sharesFiles
      ? "answers; the engine sees this machine's files (overlay)"
      : "answers; the engine does not see this machine's files (upload)",
  );
}

async function spaceFinding(bench: Workbench): Promise<Finding> {
  const { bavail, bsize } = await statfs(bench.home.path);
  const free = bavail * bsize;
  const detail = `${(free / gibibyte).toFixed(1)} GiB free at ${bench.home.path}`;
  return free < gibibyte
    ? warning("disk", detail, "free some space: sandboxes are stopped when less than 1 GiB is left")
    : ok("disk", detail);
}

async function proveRuntime(bench: Workbench, engine: Engine, runtime: string, container: string): Promise<number> {
  const [{ runtimeVolume }, image] = await Promise.all([
    bench.keeperContainer(),
    engine.inspectImage(bench.sandboxImage),
  ]);
  const request = buildSandboxRequest({
    name: container,
    image: bench.sandboxImage,
    imageVolumes: image?.volumes ?? [],
    imageEnvironment: image?.environment ?? [],
    hasNames: image?.labels["airlock.names"] !== undefined,
    labels: { "airlock.home": bench.home.id, "airlock.role": "self-test" },
    hostname: "self-test",
    uid: 1000,
    gid: 1000,
    user: "agent",
    tty: false,
    mounts: [],
    runtimeVolume,
    limits: { ...defaultLimits, cpus: 1 },
    runtime,
  });
  const id = await engine.createContainer(request);
  await using streams = await engine.attachContainer(id, { tty: false });
  await engine.startContainer(id);
  const state = await engine.inspectContainer(id);
  const silent = new AirlockError("E_RUNTIME_UNUSABLE", "the sandbox ended at once");
  const report = await readInitLine(streams.stdout, {
    timeoutMs: selfTestMs,
    signal: bench.signal,
    onEnd: () => silent,
  });
  if (state === null) throw silent;
  const { checks } = await proveWall({
    request,
    state,
    report,
    approvals: [],
    bases: [],
    imageVolumes: image?.volumes ?? [],
    runtime,
    sameKernel: engine.endpoint.kind === "unix",
  });
  const failed = checks.filter((check) => !check.ok).map(({ name, found }) => `${name}: ${found}`);
  if (failed.length > 0) throw new AirlockError("E_RUNTIME_UNUSABLE", `its wall has holes: ${failed.join("; ")}`);
  return checks.length;
}

/** Starts a sandbox in a runtime and proves its wall; throws `E_RUNTIME_UNUSABLE` when it hangs, fails or has holes. */
export async function testRuntime(bench: Workbench, runtime: string): Promise<number> {
  const engine = await bench.engine();
  const container = `airlock-self-test-${newToken(6)}`;
  const late = new AirlockError("E_RUNTIME_UNUSABLE", `no answer after ${selfTestMs / 1_000} s`);
  try {
    const work = proveRuntime(bench, engine, runtime, container);
    work.catch(() => undefined);
    return await Promise.race([work, sleep(selfTestMs, undefined, { ref: false }).then(() => Promise.reject(late))]);
  } finally {
    await engine.removeContainer(container);
  }
}

async function runtimeFindings(bench: Workbench): Promise<Finding[]> {
  const { runtimes, defaultRuntime } = await (await bench.engine()).facts();
  const findings: Finding[] = [];
  for (const runtime of runtimes.filter((name) => !name.startsWith("io.containerd."))) {
    const name = `runtime ${runtime}${runtime === defaultRuntime ? " (default)" : ""}`;
    findings.push(
      ...(await attempt(name, async () =>
        ok(name, `a sandbox starts, and its wall is proved by ${await testRuntime(bench, runtime)} checks`),
      )),
    );
  }
  return findings;
}

/** Looks at everything that a run needs, and goes on where something fails. */
export async function diagnose(bench: Workbench): Promise<Finding[]> {
  const engine = await attempt("engine", () => engineFindings(bench));
  if (engine.some(({ status }) => status === "failed"))
    return [...engine, ...(await attempt("disk", () => spaceFinding(bench)))];
  const image = await attempt("image", () => imageFinding(bench));
  const rest = image.some(({ status }) => status === "failed")
    ? []
    : [
        ...(await attempt("keeper", () => keeperFinding(bench))),
        ...(await attempt("runtimes", () => runtimeFindings(bench))),
      ];
  return [...engine, ...image, ...rest, ...(await attempt("disk", () => spaceFinding(bench)))];
}
