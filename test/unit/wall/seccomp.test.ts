import { describe, expect, it } from "vitest";
import { seccompProfile } from "../../../src/wall/seccomp.js";

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly op: string }[];
}

const profile = JSON.parse(seccompProfile()) as {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[];
  readonly syscalls: readonly Rule[];
};
const rulesOf = (name: string) => profile.syscalls.filter(({ names }) => names.includes(name));

describe("the seccomp profile", () => {
  it("refuses what it does not name, for native calls of both architectures only", () => {
    expect(profile).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1 });
    expect(profile.archMap).toEqual([
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: [] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: [] },
    ]);
  });

  it.each(
    "mount umount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr unshare setns bpf perf_event_open userfaultfd keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff quotactl quotactl_fd acct iopl ioperm open_by_handle_at name_to_handle_at process_vm_readv process_vm_writev pidfd_getfd kcmp syslog fanotify_init lookup_dcookie settimeofday clock_settime sethostname setdomainname nfsservctl uselib ustat vhangup _sysctl vm86 vm86old socketcall".split(
      " ",
    ),
  )("does not name %s", (name) => {
    expect(rulesOf(name)).toEqual([]);
  });

  it("lets four families of sockets be made, and no other", () => {
    const families = rulesOf("socket").map(({ args }) => args);
    expect(families).toEqual([1, 2, 10, 16].map((value) => [{ index: 0, value, op: "SCMP_CMP_EQ" }]));
  });

  it("lets clone make processes and threads, not namespaces, and makes clone3 fall back to it", () => {
    const namespaces = [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000];
    const mask = rulesOf("clone")[0]?.args?.[0]?.value ?? 0;
    expect(rulesOf("clone")).toHaveLength(1);
    for (const flag of namespaces) expect(mask & flag).toBe(flag);
    expect(rulesOf("clone3")).toEqual([{ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }]);
  });

  it("lets no personality make pages executable", () => {
    const values = rulesOf("personality").map(({ args }) => args?.[0]?.value ?? Number.NaN);
    expect(values).toHaveLength(5);
    for (const value of values) expect(value === 0xffffffff || (value & 0x0400000) === 0).toBe(true);
  });

  it("names each call once", () => {
    const plain = profile.syscalls.filter(({ args }) => args === undefined).flatMap(({ names }) => names);
    expect(plain.filter((name, index) => plain.indexOf(name) !== index)).toEqual([]);
  });
});
