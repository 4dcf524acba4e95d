/** The sandboxes of the suite: two as they are shipped, and what each of the others had taken away. */
export type Configuration = "agent" | "root" | "no seccomp" | "capabilities" | "set-id" | "host" | "kernel paths";

/** One attempt to get out. It got through when the command ends with 0. */
export interface Attack {
  readonly name: string;
  readonly command: readonly string[];
  /** The shipped sandbox that must stop it. */
  readonly against: "agent" | "root";
  /** The sandbox without the defence, where the same command gets through. */
  readonly without: Configuration;
  /** Checks of the proof that turn red there. */
  readonly red: readonly string[];
  /** Not every kernel can do this at all. */
  readonly rare?: true;
}

const prelude = `
import ctypes, os, socket, stat, sys
kernel = ctypes.CDLL(None, use_errno=True).syscall
kernel.restype = ctypes.c_long
arm = os.uname().machine == "aarch64"
def call(number, *args):
    number = number[arm] if isinstance(number, tuple) else number
    result = kernel(number, *args)
    # Let in, whatever the kernel then thinks of the arguments: only EPERM, EACCES and ENOSYS refuse.
    if result < 0 and ctypes.get_errno() in (1, 13, 38): sys.exit(13)
def make_socket(family, kind):
    try: socket.socket(family, kind, 0)
    except PermissionError: sys.exit(13)
    except OSError: pass
`;

const python = (code: string): string[] => ["python3", "-c", `${prelude}\n${code}`];
const shell = (line: string): string[] => ["bash", "-c", line];

/** A system call that the kernel must not even look at. */
const call = (name: string, args: string, without: Configuration): Attack => ({
  name: `calls ${name}`,
  command: python(`call(${args})`),
  against: "agent",
  without,
  red: [`inside ${name}`],
});
/** One that a kernel built without it refuses by itself: the proof is red for what would let it in. */
const rareCall = (name: string, args: string): Attack => ({
  ...call(name, args, "capabilities"),
  rare: true,
  red: ["inside CapEff", "inside Seccomp"],
});

const controlGroup = "$(ls /sys/fs/cgroup/devices/devices.allow /sys/fs/cgroup/cgroup.procs 2>/dev/null | head -n 1)";
// Writes back what is there: an attack that gets through must not hurt the machine of the test.
const rewrite = (path: string): string => `old=$(cat ${path}) && printf '%s\\n' "$old" > ${path}`;

/** Cases 1 to 26 of the catalogue that concern the wall; system call numbers are for x86_64 and aarch64. */
export const attacks: readonly Attack[] = [
  {
    name: "has a capability",
    command: shell("grep '^Cap' /proc/self/status | grep -v 0000000000000000"),
    against: "agent",
    without: "capabilities",
    red: ["HostConfig.CapAdd", "inside CapEff", "inside CapBnd"],
  },
  {
    name: "may gain privileges",
    command: shell("grep -E '^NoNewPrivs:\\s*0' /proc/self/status"),
    against: "root",
    without: "set-id",
    red: ["HostConfig.SecurityOpt", "inside NoNewPrivs"],
  },
  {
    name: "runs without a filter",
    command: shell("grep -E '^Seccomp:\\s*0' /proc/self/status"),
    against: "root",
    without: "no seccomp",
    red: ["HostConfig.SecurityOpt", "inside Seccomp"],
  },
  {
    name: "becomes root through a set-id program",
    command: shell(`test "$(/mnt/setid/bash -p -c 'id -u')" = 0`),
    against: "agent",
    without: "set-id",
    red: ["inside NoNewPrivs"],
  },
  {
    name: "forges a whiteout in the workspace",
    command: python("os.mknod('/work/package.json', stat.S_IFCHR, 0)"),
    against: "agent",
    without: "set-id",
    red: ["/work is an overlay"],
  },
  {
    name: "makes a device",
    command: python("os.mknod('/tmp/disk', stat.S_IFBLK, os.makedev(8, 0))"),
    against: "agent",
    without: "capabilities",
    red: ["inside mknod_device"],
  },
  {
    name: "mounts",
    command: shell("mount -t tmpfs x /mnt"),
    against: "agent",
    without: "capabilities",
    red: ["inside mount"],
  },
  call("fsopen", "430, b'tmpfs', 0", "capabilities"),
  call("open_tree", "428, -100, b'/', 1", "capabilities"),
  call("move_mount", "429, -1, b'', -1, b'', 0", "capabilities"),
  call("mount_setattr", "442, -1, b'', 0, 0, 0", "capabilities"),
  call("pivot_root", "(155, 41), b'/nowhere', b'/nowhere'", "capabilities"),
  {
    name: "makes a user namespace",
    command: shell("unshare -Ur true"),
    against: "agent",
    without: "no seccomp",
    red: ["inside unshare_user", "inside clone_user"],
  },
  call("clone3", "435, 0, 0", "no seccomp"),
  {
    name: "rewrites the control group",
    command: shell(`test -w ${controlGroup}`),
    against: "root",
    without: "kernel paths",
    red: ["HostConfig.Binds", "kernel mounts that can be written"],
  },
  {
    name: "writes core_pattern",
    command: shell(rewrite("/proc/sys/kernel/core_pattern")),
    against: "root",
    without: "kernel paths",
    red: ["HostConfig.ReadonlyPaths", "inside writable", "/proc/sys is read-only"],
  },
  {
    name: "leaves a core dump",
    command: shell('test "$(ulimit -H -c)" != 0'),
    against: "agent",
    without: "host",
    red: ["HostConfig.Ulimits", "inside core limit"],
  },
  {
    name: "turns a knob of the kernel",
    command: shell(rewrite("/proc/sys/vm/panic_on_oom")),
    against: "root",
    without: "kernel paths",
    red: ["inside writable"],
  },
  {
    name: "reaches the kernel's panic button",
    command: shell("test -w /proc/sysrq-trigger"),
    against: "root",
    without: "kernel paths",
    rare: true,
    red: ["HostConfig.ReadonlyPaths", "inside writable"],
  },
  {
    name: "reads what is masked",
    command: shell('test -n "$(head -c 1 /proc/interrupts)"'),
    against: "root",
    without: "kernel paths",
    red: ["HostConfig.MaskedPaths", "inside unmasked"],
  },
  {
    name: "finds a socket of the engine",
    command: shell("for each in /run/* /run/*/* /tmp/* /mnt/*; do test -S $each && exit 0; done; exit 1"),
    against: "agent",
    without: "host",
    red: ["HostConfig.Binds", "mounts", "inside sockets", "mount table: nothing unasked"],
  },
  {
    name: "sees a network",
    command: shell("grep -v -e '|' -e ' lo:' /proc/net/dev"),
    against: "agent",
    without: "host",
    red: ["HostConfig.NetworkMode", "networks", "inside interfaces"],
  },
  {
    name: "reaches the host over the network",
    command: python(`
route = [line.split()[2] for line in open("/proc/net/route") if line.split()[1] == "00000000"]
host = socket.inet_ntoa(bytes.fromhex(route[0])[::-1]) if route else "172.17.0.1"
try: socket.create_connection((host, 2375), 2)
except ConnectionRefusedError: pass`),
    against: "agent",
    without: "host",
    red: ["inside interfaces"],
  },
  {
    name: "sees processes of the host",
    command: shell("test $(ls -d /proc/[0-9]* | wc -l) -gt 20"),
    against: "agent",
    without: "host",
    red: ["HostConfig.PidMode", "inside pid", "inside processes"],
  },
  {
    name: "has a device of the host",
    command: shell("test -c /dev/net/host"),
    against: "agent",
    without: "host",
    red: ["HostConfig.Devices", "inside devices"],
  },
  {
    name: "is without limits",
    command: shell("cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null | grep -x max"),
    against: "agent",
    without: "host",
    red: ["HostConfig.Memory", "HostConfig.PidsLimit", "inside memory limit", "inside processes limit"],
  },
  {
    name: "writes to the image's file system",
    command: shell("touch /usr/bin/evil /evil"),
    against: "agent",
    without: "capabilities",
    red: ["HostConfig.ReadonlyRootfs", "inside writable", "the root is read-only"],
  },
  {
    name: "makes a vsock to the hypervisor",
    command: python("make_socket(40, 1)"),
    against: "agent",
    without: "no seccomp",
    red: ["inside socket_vsock"],
  },
  call("io_uring_setup", "425, 8, 0", "no seccomp"),
  call("keyctl", "(250, 219), 0, -3, 0", "no seccomp"),
  call("add_key", "(248, 217), 0, 0, 0, 0, -3", "no seccomp"),
  call("request_key", "(249, 218), 0, 0, 0, 0", "no seccomp"),
  call("bpf", "(321, 280), 0, 0, 0", "capabilities"),
  call("perf_event_open", "(298, 241), 0, 0, -1, -1, 0", "capabilities"),
  call("userfaultfd", "(323, 282), 1", "no seccomp"),
  rareCall("kexec_load", "(246, 104), 0, 0, 0, 0x8000"),
  rareCall("init_module", "(175, 105), 0, 0, b''"),
  rareCall("finit_module", "(313, 273), -1, b'', 0"),
  call("acct", "(163, 89), b'/nowhere'", "capabilities"),
  call("swapon", "(167, 224), b'/nowhere', 0", "capabilities"),
  call("quotactl", "(179, 60), 0, 0, 0, 0", "no seccomp"),
  call("reboot", "(169, 142), 0, 0, 0, 0", "capabilities"),
  call("setns", "(308, 268), -1, 0", "no seccomp"),
  call("chroot", "(161, 51), b'/'", "capabilities"),
  call("syslog", "(103, 116), 10, 0, 0", "capabilities"),
  call("pidfd_getfd", "438, -1, 0, 0", "no seccomp"),
  call("process_vm_readv", "(310, 270), os.getpid(), 0, 0, 0, 0, 0", "no seccomp"),
  call("personality", "(135, 92), 0x0400000", "no seccomp"),
  {
    name: "enters the kernel by its 32-bit door",
    command: python(`
import mmap
if arm: sys.exit(13)
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("b814000000cd80c3"))  # eax = 20, getpid; int 0x80; ret
answer = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
os._exit(0 if answer == os.getpid() else 13)`),
    against: "agent",
    without: "no seccomp",
    rare: true,
    red: ["inside Seccomp"],
  },
  {
    name: "speaks raw Ethernet",
    command: python("make_socket(17, 3)"),
    against: "agent",
    without: "capabilities",
    red: ["inside socket_packet"],
  },
  call("open_by_handle_at", "(304, 265), -1, 0, 0", "capabilities"),
];
