import { lstat } from "node:fs/promises";
import { posix } from "node:path";
import { encodePath } from "../base/byte-path.js";
import type { ContainerRequest, ContainerState } from "../model/engine.js";
import type { ApprovedPath } from "../model/session.js";
import { checkEqual, type WallCheck } from "./check.js";
import { inspectChecks } from "./inspect-checks.js";
import { mountChecks } from "./mount-checks.js";
import { probeChecks } from "./probe-checks.js";
import { parseReport } from "./report.js";

/** Whether the wall is what was asked for, check by check. */
export interface WallVerdict {
  readonly ok: boolean;
  readonly checks: readonly WallCheck[];
}

/** A host folder under a copy-on-write mount, with the identity it had when it was approved. */
export interface ApprovedBase {
  readonly hostPath: string;
  readonly device: string;
  readonly inode: string;
}

export interface Proof {
  readonly request: ContainerRequest;
  /** The running container, as the engine describes it. */
  readonly state: ContainerState;
  /** init's line. */
  readonly report: string;
  readonly approvals: readonly ApprovedPath[];
  /** Folders that the engine took as the lower part of overlays. */
  readonly bases: readonly ApprovedBase[];
  readonly imageVolumes: readonly string[];
  readonly runtime: string;
  /** The engine runs on this machine's kernel. */
  readonly sameKernel: boolean;
}

async function baseCheck({ hostPath, device, inode }: ApprovedBase): Promise<WallCheck> {
  const found = await lstat(encodePath(hostPath), { bigint: true }).catch(() => null);
  const identity = found === null ? "nothing" : `${found.dev}:${found.ino}`;
  return checkEqual(`the folder under ${hostPath} is what was approved`, `${device}:${inode}`, identity);
}

/** Proves a sandbox's wall three ways: what the engine says it made, what init saw inside, and what was approved outside. */
export async function proveWall(proof: Proof): Promise<WallVerdict> {
  const { request, state, approvals, bases, sameKernel } = proof;
  // As the engine cleans them before it mounts.
  const imageVolumes = proof.imageVolumes.map((path) => posix.resolve("/", path));
  const report = parseReport(proof.report);
  const sentry = proof.runtime.startsWith("runsc");
  const checks = [
    ...inspectChecks(request, state, imageVolumes),
    ...probeChecks(request, report, { sentry }),
    ...(sentry ? [] : mountChecks(request, report, { approvals, imageVolumes, sameKernel })),
    ...(sameKernel ? await Promise.all(bases.map(baseCheck)) : []),
  ];
  return { ok: checks.every(({ ok }) => ok), checks };
}
