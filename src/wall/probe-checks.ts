import type { ContainerRequest } from "../model/engine.js";
import { check, checkEqual, checkWithin, type WallCheck } from "./check.js";
import type { ProbeReport } from "./report.js";

const capabilityBits: Readonly<Record<string, number>> = { CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, SETGID: 6, SETUID: 7 };

/** What may stand in /dev: the harmless devices that every container has. */
const standardDevices = ["console", "full", "null", "ptmx", "random", "tty", "urandom", "zero"];

const refusals = ["EPERM", "EACCES", "ENOSYS"];
const absentFamily = [...refusals, "EAFNOSUPPORT"];
// No way there: a container with any interface would have one to somewhere.
const noWay = [...absentFamily, "ENETUNREACH", "EADDRNOTAVAIL"];

function capabilityMask(names: readonly string[]): string {
  const mask = names.reduce((sum, name) => sum + 2 ** (capabilityBits[name] ?? Number.NaN), 0);
  return mask.toString(16).padStart(16, "0");
}

function capabilityChecks(request: ContainerRequest, { status }: ProbeReport): WallCheck[] {
  const expected = capabilityMask(request.capabilitiesAdded);
  const none = capabilityMask([]);
  return [
    ...["CapPrm", "CapEff", "CapBnd"].map((set) => checkEqual(`inside ${set}`, expected, status[set])),
    // Older engines fill the inheritable set with what was added (CVE-2022-24769): harmless with no_new_privs, never more.
    check("inside CapInh", status["CapInh"] === none || status["CapInh"] === expected, none, status["CapInh"]),
    checkEqual("inside CapAmb", none, status["CapAmb"]),
  ];
}

/** Calls that init tries. One that its report leaves out counts as one that was let through. */
export const refusedCalls: readonly string[] = [
  ..."mount umount2 pivot_root fsopen open_tree move_mount mount_setattr chroot setns unshare_user clone_user clone3".split(
    " ",
  ),
  ..."bpf perf_event_open userfaultfd keyctl add_key request_key io_uring_setup open_by_handle_at process_vm_readv".split(
    " ",
  ),
  ..."socket_vsock socket_alg socket_packet init_module finit_module kexec_load reboot swapon quotactl acct".split(" "),
  ..."pidfd_getfd syslog mknod_device personality".split(" "),
  ..."socket_raw connect_public connect_public_six connect_metadata connect_bridge".split(" "),
];

function syscallChecks({ syscalls }: ProbeReport): WallCheck[] {
  const names = new Set([...refusedCalls, ...Object.keys(syscalls)]);
  return [...names].map((name) => {
    const accepted = name.startsWith("connect_") ? noWay : name.startsWith("socket_") ? absentFamily : refusals;
    const answer = syscalls[name] ?? "not tried";
    return check(`inside ${name}`, accepted.includes(answer), "refused", answer);
  });
}

// "max", nothing at all, or more than was asked for: the engine took the limit and did not set it.
function limitCheck(name: string, asked: number, found: string): WallCheck {
  const limited = /^\d+$/.test(found) && BigInt(found) <= BigInt(asked);
  return check(`inside ${name} limit`, limited, `at most ${asked}`, found);
}

function limitChecks(request: ContainerRequest, { limits }: ProbeReport): WallCheck[] {
  const core = request.ulimits.find(({ name }) => name === "core");
  return [
    limitCheck("memory", request.memoryBytes, limits.memory),
    limitCheck("processes", request.pidsLimit, limits.pids),
    checkEqual("inside core limit", String(core?.hard ?? 0), limits.core),
  ];
}

// Its own kernel answers inside gVisor: it shows no seccomp filter, allows user namespaces within itself, and refuses
// host-facing calls with errors of its own.
function sentryChecks({ interfaces, descriptors, sockets, pid, processes }: ProbeReport): WallCheck[] {
  return [
    checkEqual("inside pid", 1, pid),
    checkEqual("inside processes", 1, processes),
    checkWithin("inside interfaces", ["lo"], interfaces),
    checkEqual("inside descriptors", [0, 1, 2], descriptors),
    checkWithin("inside sockets", [], sockets),
  ];
}

/** What init saw from inside, against what a sandbox may see. `sentry`: the runtime is gVisor. */
export function probeChecks(
  request: ContainerRequest,
  report: ProbeReport,
  { sentry }: { readonly sentry: boolean },
): WallCheck[] {
  const [uid, gid] = request.user.split(":").map(Number);
  const everywhere = [
    checkEqual("inside uid", uid, report.uid),
    checkEqual("inside gid", gid, report.gid),
    checkWithin("inside groups", [String(gid)], report.groups.map(String)),
  ];
  if (sentry) return [...everywhere, ...sentryChecks(report)];
  const writable = request.readOnlyRoot ? [] : ["/", "/etc", "/usr"];
  return [
    ...everywhere,
    ...sentryChecks(report),
    ...capabilityChecks(request, report),
    checkEqual("inside NoNewPrivs", "1", report.status["NoNewPrivs"]),
    checkEqual("inside Seccomp", request.seccompProfile === null ? "0" : "2", report.status["Seccomp"]),
    checkWithin("inside writable", writable, report.writable),
    checkWithin("inside unmasked", [], report.exposed),
    ...limitChecks(request, report),
    checkWithin("inside devices", standardDevices, report.devices),
    ...syscallChecks(report),
  ];
}
