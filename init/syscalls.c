#define _GNU_SOURCE
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers that are the same on every architecture and newer than the libc this is built with may know. */
enum {
  NR_io_uring_setup = 425,
  NR_open_tree = 428,
  NR_move_mount = 429,
  NR_fsopen = 430,
  NR_clone3 = 435,
  NR_pidfd_getfd = 438,
  NR_mount_setattr = 442,
};

static const char nowhere[] = "/airlock-no-such-path";

/* Each call is harmless when it succeeds after all, and is undone where it leaves something. The arguments are such that
 * a kernel which lets the call in answers otherwise than one that refuses it: EFAULT, EBADF or EINVAL, not EPERM. */
static long try_mount(void) {
  long result = mount("none", "/tmp", "tmpfs", 0, "");
  if (result == 0) umount2("/tmp", MNT_DETACH);
  return result;
}
static long try_umount(void) { return umount2(nowhere, MNT_DETACH); }
static long try_pivot_root(void) { return syscall(SYS_pivot_root, nowhere, nowhere); }
static long try_fsopen(void) { return syscall(NR_fsopen, "tmpfs", 1); }
static long try_open_tree(void) { return syscall(NR_open_tree, AT_FDCWD, "/", 1 | O_CLOEXEC); }
static long try_move_mount(void) { return syscall(NR_move_mount, -1, "", -1, "", 0); }
static long try_mount_setattr(void) { return syscall(NR_mount_setattr, -1, "", 0, NULL, 0); }
static long try_chroot(void) { return chroot("/"); }
static long try_setns(void) { return setns(-1, 0); }
static long try_clone3(void) { return syscall(NR_clone3, NULL, 0); }
static long try_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long try_perf(void) { return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
/* For faults of this process alone, which most kernels allow to everybody. */
static long try_userfaultfd(void) { return syscall(SYS_userfaultfd, 1); }
static long try_keyctl(void) { return syscall(SYS_keyctl, 0, -3, 0); }
static long try_add_key(void) { return syscall(SYS_add_key, NULL, NULL, NULL, 0, -2); }
static long try_request_key(void) { return syscall(SYS_request_key, NULL, NULL, NULL, 0); }
static long try_io_uring(void) { return syscall(NR_io_uring_setup, 1, NULL); }
static long try_vsock(void) { return socket(40 /* AF_VSOCK */, SOCK_STREAM, 0); }
static long try_alg(void) { return socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0); }
static long try_packet(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
/* Connecting a datagram socket sends nothing: it only asks the kernel for a way there, and there must be none. */
static long try_way(int family, const char *address) {
  int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(53)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
  bool is_v4 = family == AF_INET;
  inet_pton(family, address, is_v4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
  int result = connect(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof v4 : sizeof v6);
  int reason = errno;
  close(fd);
  errno = reason;
  return result;
}
static long try_public(void) { return try_way(AF_INET, "1.1.1.1"); }
static long try_public_six(void) { return try_way(AF_INET6, "2606:4700:4700::1111"); }
static long try_metadata(void) { return try_way(AF_INET, "169.254.169.254"); }
static long try_bridge(void) { return try_way(AF_INET, "172.17.0.1"); }
static long try_raw(void) { return socket(AF_INET, SOCK_RAW, 1 /* ICMP */); }
static long try_handle(void) { return syscall(SYS_open_by_handle_at, -1, NULL, 0); }
static long try_init_module(void) { return syscall(SYS_init_module, NULL, 0, ""); }
static long try_finit_module(void) { return syscall(SYS_finit_module, -1, "", 0); }
/* A flag that no kernel knows: without it, a caller with the capability would unload a prepared kernel. */
static long try_kexec(void) { return syscall(SYS_kexec_load, 0, 0, NULL, 0x8000); }
static long try_reboot(void) { return syscall(SYS_reboot, 0, 0, 0, NULL); }
static long try_swapon(void) { return swapon(nowhere, 0); }
static long try_quotactl(void) { return syscall(SYS_quotactl, 0, NULL, 0, NULL); }
static long try_acct(void) { return acct(nowhere); }
static long try_pidfd_getfd(void) { return syscall(NR_pidfd_getfd, -1, 0, 0); }
static long try_process_vm(void) { return syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0); }
static long try_syslog(void) { return syscall(SYS_syslog, 10, NULL, 0); }
static long try_mknod(void) {
  static const char path[] = "/tmp/.airlock-probe";
  long result = mknod(path, S_IFCHR | 0600, makedev(1, 3));
  if (result == 0) unlink(path);
  return result;
}
static long try_personality(void) {
  long result = syscall(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */);
  if (result >= 0) syscall(SYS_personality, 0);
  return result;
}
#ifdef SYS_iopl
static long try_iopl(void) {
  long result = syscall(SYS_iopl, 3);
  if (result == 0) syscall(SYS_iopl, 0);
  return result;
}
#endif

/* In a child: what these do cannot be undone. */
static long in_child(int (*attempt)(void)) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) _exit(attempt() == 0 ? 0 : errno & 0xff);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
  return errno == 0 ? 0 : -1;
}
static int unshare_user(void) { return unshare(CLONE_NEWUSER); }
static long try_unshare(void) { return in_child(unshare_user); }
static long try_clone(void) {
  long child = syscall(SYS_clone, (unsigned long)(CLONE_NEWUSER | SIGCHLD), 0, 0, 0, 0);
  if (child == 0) _exit(0);
  if (child > 0) while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) continue;
  return child;
}

static const struct {
  const char *name;
  long (*attempt)(void);
  bool opens;
} attempts[] = {
    {"mount", try_mount, false},
    {"umount2", try_umount, false},
    {"pivot_root", try_pivot_root, false},
    {"fsopen", try_fsopen, true},
    {"open_tree", try_open_tree, true},
    {"move_mount", try_move_mount, false},
    {"mount_setattr", try_mount_setattr, false},
    {"chroot", try_chroot, false},
    {"setns", try_setns, false},
    {"unshare_user", try_unshare, false},
    {"clone_user", try_clone, false},
    {"clone3", try_clone3, false},
    {"bpf", try_bpf, true},
    {"perf_event_open", try_perf, true},
    {"userfaultfd", try_userfaultfd, true},
    {"keyctl", try_keyctl, false},
    {"add_key", try_add_key, false},
    {"request_key", try_request_key, false},
    {"io_uring_setup", try_io_uring, true},
    {"socket_vsock", try_vsock, true},
    {"socket_alg", try_alg, true},
    {"socket_packet", try_packet, true},
    {"socket_raw", try_raw, true},
    {"connect_public", try_public, false},
    {"connect_public_six", try_public_six, false},
    {"connect_metadata", try_metadata, false},
    {"connect_bridge", try_bridge, false},
    {"open_by_handle_at", try_handle, true},
    {"init_module", try_init_module, false},
    {"finit_module", try_finit_module, false},
    {"kexec_load", try_kexec, false},
    {"reboot", try_reboot, false},
    {"swapon", try_swapon, false},
    {"quotactl", try_quotactl, false},
    {"acct", try_acct, false},
    {"pidfd_getfd", try_pidfd_getfd, true},
    {"process_vm_readv", try_process_vm, false},
    {"syslog", try_syslog, false},
    {"mknod_device", try_mknod, false},
    {"personality", try_personality, false},
#ifdef SYS_iopl
    {"iopl", try_iopl, false},
#endif
};

void probe_syscalls(struct text *report) {
  text_add(report, "\"syscalls\":{");
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
    errno = 0;
    long result = attempts[i].attempt();
    const char *name = result >= 0 ? "ok" : strerrorname_np(errno);
    if (result >= 0 && attempts[i].opens) close((int)result);
    text_add(report, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", attempts[i].name, name == NULL ? "unknown" : name);
  }
  text_add(report, "}");
}
