import { posix } from "node:path";
import { encodePath } from "../base/byte-path.js";
import type { ContainerRequest } from "../model/engine.js";
import type { ApprovedPath } from "../model/session.js";
import { check, checkEqual, type WallCheck } from "./check.js";
import { nameFileTargets, runtimeTarget } from "./container-spec.js";
import type { ProbedMount, ProbeReport } from "./report.js";

/** What an engine mounts by itself in every container. */
const ownMounts = [
  /^\/$/,
  /^\/proc$/,
  /^\/sys(\/fs\/cgroup(\/[^/]+)?)?$/,
  /^\/dev(\/(console|mqueue|pts|shm))?$/,
  /^\/etc\/(hosts|hostname|resolv\.conf)$/,
];

// init writes each byte that is not ASCII as U+DCxx; our own paths are put into that form to be compared.
function probed(path: string): string {
  return [...encodePath(path)].map((byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join("");
}

const has = (mount: ProbedMount, option: string): boolean => mount.options.split(",").includes(option);

function expectedTargets(request: ContainerRequest, imageVolumes: readonly string[]): string[] {
  return [...request.mounts.map(({ target }) => target), ...Object.keys(request.tmpfs), ...imageVolumes].map(probed);
}

function isConfinement(request: ContainerRequest, { target, type, options }: ProbedMount): boolean {
  if (request.readOnlyPaths.includes(target)) return options.split(",").includes("ro");
  return request.maskedPaths.includes(target) && (type === "tmpfs" || type === "devtmpfs");
}

function tableCheck(request: ContainerRequest, report: ProbeReport, imageVolumes: readonly string[]): WallCheck[] {
  const expected = expectedTargets(request, imageVolumes);
  const extra = report.mounts.filter(
    (mount) =>
      !expected.includes(mount.target) &&
      !ownMounts.some((pattern) => pattern.test(mount.target)) &&
      !isConfinement(request, mount),
  );
  const missing = expected.filter((target) => !report.mounts.some((mount) => mount.target === target));
  return [
    checkEqual(
      "mount table: nothing unasked",
      [],
      extra.map(({ target }) => target),
    ),
    checkEqual("mount table: everything asked", [], missing),
  ];
}

function layerChecks(mount: ProbedMount, target: string): WallCheck[] {
  const flags = ["nosuid", "nodev"].filter((option) => !has(mount, option));
  return [checkEqual(`${target} is an overlay`, "overlay", mount.type), checkEqual(`${target} lacks flags`, [], flags)];
}

// The engine resolved the path by itself, after we did: what it mounted must be the very object that was approved. A folder
// that was swapped for a symbolic link in between wins that race one time in three.
function bindChecks(mount: ProbedMount, approved: ApprovedPath | undefined, target: string): WallCheck[] {
  const identity = approved === undefined ? "none" : `${approved.device}:${approved.inode}`;
  const wanted = approved?.mode === "rw" ? "rw" : "ro";
  return [
    checkEqual(`${target} is what was approved`, identity, `${mount.device}:${mount.inode}`),
    check(`${target} is ${wanted}`, has(mount, wanted), wanted, mount.options),
  ];
}

// The engine took a path of its own for these; what it mounted must be the file in the very volume that holds our programs.
function nameFileChecks(mount: ProbedMount, runtime: ProbedMount | undefined, target: string): WallCheck[] {
  const wanted = `${runtime?.device} ${posix.join(runtime?.root ?? "", posix.basename(target))}`;
  return [checkEqual(`${target} is ours`, wanted, `${mount.device} ${mount.root}`)];
}

interface MountFacts {
  readonly approvals: readonly ApprovedPath[];
  readonly imageVolumes: readonly string[];
  /** Inode numbers inside and outside mean the same. */
  readonly sameKernel: boolean;
}

/** The mount table as init saw it, against the mounts asked for and the identities of the approved paths. */
export function mountChecks(
  request: ContainerRequest,
  report: ProbeReport,
  { approvals, imageVolumes, sameKernel }: MountFacts,
): WallCheck[] {
  // Of several mounts on one path the last is the one that is seen.
  const byTarget = new Map(report.mounts.map((mount) => [mount.target, mount]));
  const each = request.mounts.flatMap(({ type, source, target, readOnly }) => {
    const mount = byTarget.get(probed(target));
    if (mount === undefined) return [];
    const access = check(`${target} access`, has(mount, readOnly ? "ro" : "rw"), readOnly ? "ro" : "rw", mount.options);
    if (nameFileTargets.includes(target)) {
      return [access, ...nameFileChecks(mount, byTarget.get(runtimeTarget), target)];
    }
    if (type === "bind")
      return sameKernel
        ? [
            access,
            ...bindChecks(
              mount,
              approvals.find(({ hostPath }) => hostPath === source),
              target,
            ),
          ]
        : [access];
    return readOnly ? [access] : [access, ...layerChecks(mount, target)];
  });
  const root = byTarget.get("/");
  const system = ["/sys", "/proc/sys"].map((path) =>
    check(`${path} is read-only`, has(byTarget.get(path) ?? emptyMount, "ro"), "ro", byTarget.get(path)?.options),
  );
  const rootAccess = request.readOnlyRoot
    ? [check("the root is read-only", root !== undefined && has(root, "ro"), "ro", root?.options)]
    : [];
  return [
    ...tableCheck(request, report, imageVolumes),
    ...each,
    ...rootAccess,
    ...system,
    ...kernelChecks(request, report),
  ];
}

// A control group that can be written is a way out (release_agent), and so is every other file system of the kernel's.
function kernelChecks(request: ContainerRequest, { mounts }: ProbeReport): WallCheck[] {
  const kernel = mounts.filter(
    ({ target, type }) =>
      (target.startsWith("/sys/") && type !== "tmpfs") || request.readOnlyPaths.some((path) => path === target),
  );
  const writable = kernel.filter((mount) => !has(mount, "ro")).map(({ target }) => target);
  const temporary = Object.entries(request.tmpfs).flatMap(([target, options]) => {
    const found = mounts.findLast((mount) => mount.target === probed(target));
    const missing = options
      .split(",")
      .filter((option) => flags.includes(option) && !(found !== undefined && has(found, option)));
    // A volume that the engine made for the image in this place is on its disk, without a limit.
    return [...missing, ...(found?.type === "tmpfs" ? [] : ["tmpfs"])].map((lack) => `${target} ${lack}`);
  });
  return [
    checkEqual("kernel mounts that can be written", [], writable),
    checkEqual("temporary folders lack flags", [], temporary),
  ];
}

const flags = ["nosuid", "nodev", "noexec"];

const emptyMount: ProbedMount = {
  device: "0",
  inode: "0",
  root: "",
  target: "",
  options: "",
  type: "",
  source: "",
  superOptions: "",
};
