/**
 * Our own seccomp allow-list: what is not named is refused with EPERM. One list for every engine, because their defaults differ
 * by version (Docker 20.10 lets io_uring and AF_VSOCK through). Names that an architecture lacks are passed over by the runtime.
 *
 * Left out on purpose: mounts and namespaces, keyrings, bpf, perf, userfaultfd, io_uring (asked through its set-up call), modules,
 * open_by_handle_at, process_vm_*, pidfd_getfd, quota, accounting, syslog, chroot.
 */
const allowed: Readonly<Record<string, string>> = {
  "files and folders":
    "read write open close stat fstat lstat poll lseek pread64 pwrite64 readv writev access pipe select dup dup2 fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink readlink chmod fchmod chown fchown lchown umask utime mknod statfs fstatfs getdents64 fadvise64 utimes openat mkdirat mknodat fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll splice tee sync_file_range vmsplice utimensat fallocate dup3 pipe2 preadv pwritev syncfs renameat2 copy_file_range preadv2 pwritev2 statx openat2 faccessat2 close_range readahead sync sendfile ioctl",
  "extended attributes":
    "setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr",
  memory:
    "mmap mprotect munmap brk mremap msync mincore madvise mlock munlock mlockall munlockall mlock2 remap_file_pages memfd_create memfd_secret pkey_mprotect pkey_alloc pkey_free membarrier process_mrelease",
  "processes and threads":
    "fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill getpid gettid getppid getpgrp setpgid getpgid setsid getsid set_tid_address set_robust_list get_robust_list futex futex_waitv rseq sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr sched_getattr getpriority setpriority ioprio_set ioprio_get getcpu prctl arch_prctl modify_ldt set_thread_area get_thread_area getrlimit setrlimit prlimit64 getrusage times ptrace seccomp pidfd_open pidfd_send_signal restart_syscall landlock_create_ruleset landlock_add_rule landlock_restrict_self",
  users:
    "getuid getgid setuid setgid geteuid getegid setreuid setregid getgroups setgroups setresuid getresuid setresgid getresgid setfsuid setfsgid capget capset",
  "signals and timers":
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend rt_tgsigqueueinfo sigaltstack pause nanosleep getitimer alarm setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_gettime clock_getres clock_nanosleep gettimeofday time adjtimex clock_adjtime timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4 eventfd eventfd2 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2",
  "sockets, once made":
    "connect accept accept4 sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt",
  "between processes":
    "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr",
  "the rest":
    "uname sysinfo io_setup io_destroy io_getevents io_submit io_cancel inotify_init inotify_add_watch inotify_rm_watch inotify_init1 fanotify_mark getrandom io_pgetevents",
};

const unix = 1;
const inet = 2;
const inet6 = 10;
const netlink = 16;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: no namespace is made inside. */
const namespaceFlags = 0x7e020000;
const errnoEnosys = 38;
/** PER_LINUX, PER_LINUX32, their UNAME26 twins, and the query: none makes pages executable. */
const personalities = [0, 8, 0x20000, 0x20008, 0xffffffff];

const when = (name: string, value: number) => ({
  names: [name],
  action: "SCMP_ACT_ALLOW",
  args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
});

/** The profile as the engine takes it inline. */
export function seccompProfile(): string {
  return JSON.stringify({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    // Native calls only: the 32-bit entry points are a second kernel interface that nobody here needs.
    archMap: [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: [] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: [] },
    ],
    syscalls: [
      { names: Object.values(allowed).flatMap((names) => names.split(" ")), action: "SCMP_ACT_ALLOW" },
      ...[unix, inet, inet6, netlink].map((family) => when("socket", family)),
      ...personalities.map((persona) => when("personality", persona)),
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      // Its flags lie in memory, where a filter cannot look; libraries fall back to clone on ENOSYS.
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: errnoEnosys },
    ],
  });
}
