#define _GNU_SOURCE
#include "probe.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static void add_string(struct text *report, bool *first, const char *value) {
  if (!*first) text_add(report, ",");
  *first = false;
  text_add_json(report, value, strlen(value));
}

static void add_ids(struct text *report) {
  gid_t groups[256];
  int count = getgroups(256, groups);
  text_add(report, "\"uid\":%u,\"gid\":%u,\"groups\":[", geteuid(), getegid());
  for (int i = 0; i < count; i++) text_add(report, "%s%u", i == 0 ? "" : ",", groups[i]);
  text_add(report, "]");
}

/* Capabilities, no_new_privs and the seccomp mode as the kernel shows them; absent lines (gVisor) are left out. */
static void add_status(struct text *report) {
  static const char *const wanted[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"};
  FILE *file = fopen("/proc/self/status", "re");
  if (file == NULL) die("cannot read /proc/self/status");
  text_add(report, "\"status\":{");
  char line[512];
  bool first = true;
  while (fgets(line, sizeof line, file) != NULL) {
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
      size_t length = strlen(wanted[i]);
      char value[64];
      if (strncmp(line, wanted[i], length) != 0 || line[length] != ':' || sscanf(line + length + 1, "%63s", value) != 1) continue;
      text_add(report, "%s\"%s\":", first ? "" : ",", wanted[i]);
      text_add_json(report, value, strlen(value));
      first = false;
    }
  }
  fclose(file);
  text_add(report, "}");
}

static void add_interfaces(struct text *report) {
  text_add(report, "\"interfaces\":[");
  FILE *file = fopen("/proc/net/dev", "re");
  char line[512], name[256];
  bool first = true;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strchr(line, '|') == NULL && sscanf(line, " %255[^: ]:", name) == 1) add_string(report, &first, name);
  }
  if (file != NULL) fclose(file);
  text_add(report, "]");
}

/* A masked file is /dev/null bound over it: writing there harms nobody. */
static bool is_null_device(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == makedev(1, 3);
}

static void add_if_writable(struct text *report, bool *first, const char *path) {
  if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 && !is_null_device(path)) add_string(report, first, path);
}

/* Knobs of the kernel that must not be there for writing. A whole walk of /sys takes longer than starting the sandbox: that
 * /sys and /proc/sys are read-only mounts is in the list of mounts, and these are the ones that have been abused. */
static void add_writable(struct text *report) {
  static const char *const knobs[] = {
      "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
      "/proc/sys/kernel/hostname", "/proc/sys/vm/panic_on_oom",
      "/proc/sys/vm/drop_caches", "/proc/sys/fs/binfmt_misc/register", "/proc/irq/default_smp_affinity",
      "/sys/kernel/uevent_helper", "/sys/kernel/security", "/sys/kernel/debug", "/sys/firmware/efi/vars", "/sys/power/state", "/sys/power/disk",
      "/sys/class/net", "/sys/fs/cgroup/devices/devices.allow", "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cgroup.procs",
      "/sys/fs/cgroup/release_agent", "/sys/module", "/sys/devices", "/", "/etc", "/usr", "/airlock"};
  bool first = true;
  text_add(report, "\"writable\":[");
  for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++) add_if_writable(report, &first, knobs[i]);
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
    char path[300];
    if (isdigit((unsigned char)entry->d_name[0]) || entry->d_type != DT_REG) continue;
    snprintf(path, sizeof path, "/proc/%s", entry->d_name);
    /* Who has CAP_DAC_OVERRIDE (--user root) may open every file for writing; most of them have nothing that could be written. */
    struct stat found;
    if (stat(path, &found) == 0 && (found.st_mode & 0222) == 0) continue;
    add_if_writable(report, &first, path);
  }
  if (proc != NULL) closedir(proc);
  text_add(report, "]");
}

/* What is to be masked and is there after all: neither /dev/null over a file nor an empty tmpfs over a folder. */
static void add_exposed(struct text *report) {
  static const char *const masked[] = {
      "/proc/acpi", "/proc/asound", "/proc/config.gz", "/proc/interrupts", "/proc/kallsyms", "/proc/kcore", "/proc/keys",
      "/proc/latency_stats", "/proc/mtrr", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
      "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/kernel/debug", "/sys/kernel/security"};
  bool first = true;
  text_add(report, "\"exposed\":[");
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    struct stat found;
    struct statfs system;
    if (lstat(masked[i], &found) != 0 || is_null_device(masked[i])) continue;
    bool empty = S_ISDIR(found.st_mode) && statfs(masked[i], &system) == 0 && system.f_type == TMPFS_MAGIC;
    if (!empty) add_string(report, &first, masked[i]);
  }
  text_add(report, "]");
}

/* Devices in /dev and the folders in it; shm, mqueue and pts are mounts of the container's own. */
static void add_devices_of(struct text *report, bool *first, const char *path, int depth) {
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    struct stat found;
    char inner[600];
    if (entry->d_name[0] == '.' || fstatat(dirfd(folder), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
    snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    if (S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode)) add_string(report, first, inner + strlen("/dev/"));
    if (!S_ISDIR(found.st_mode) || depth == 0) continue;
    if (strcmp(inner, "/dev/shm") == 0 || strcmp(inner, "/dev/mqueue") == 0 || strcmp(inner, "/dev/pts") == 0) continue;
    add_devices_of(report, first, inner, depth - 1);
  }
  if (folder != NULL) closedir(folder);
}

static void add_devices(struct text *report) {
  bool first = true;
  text_add(report, "\"devices\":[");
  add_devices_of(report, &first, "/dev", 2);
  text_add(report, "]");
}

/* Before the first command nothing listens in the sandbox, so whatever the kernel lists came in from elsewhere. */
static void add_listed_sockets(struct text *report, bool *first) {
  FILE *file = fopen("/proc/net/unix", "re");
  char line[512], name[256];
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "%*x: %*x %*x %*x %*x %*x %*u %255s", name) == 1) add_string(report, first, name);
  if (file != NULL) fclose(file);
}

static void add_sockets(struct text *report) {
  static const char *const folders[] = {"/run", "/var/run", "/run/containerd", "/run/podman", "/run/crio", "/run/dbus", "/run/systemd",
                                        "/tmp/.X11-unix", "/var/lib/docker", "/mnt"};
  bool first = true;
  text_add(report, "\"sockets\":[");
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    DIR *folder = opendir(folders[i]);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
      struct stat found;
      if (fstatat(dirfd(folder), entry->d_name, &found, 0) != 0 || !S_ISSOCK(found.st_mode)) continue;
      char path[600];
      snprintf(path, sizeof path, "%s/%s", folders[i], entry->d_name);
      add_string(report, &first, path);
    }
    if (folder != NULL) closedir(folder);
  }
  add_listed_sockets(report, &first);
  text_add(report, "]");
}

/* In a process namespace of its own, before the first command, there is this process and no other. */
static void add_processes(struct text *report) {
  int count = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) count += isdigit((unsigned char)entry->d_name[0]) != 0;
  if (proc != NULL) closedir(proc);
  text_add(report, "\"pid\":%d,\"processes\":%d", getpid(), count);
}

static void add_limit(struct text *report, const char *name, const char *const *paths) {
  char value[64] = "";
  for (; *paths != NULL && value[0] == '\0'; paths++) {
    FILE *file = fopen(*paths, "re");
    if (file != NULL && fscanf(file, "%63s", value) != 1) value[0] = '\0';
    if (file != NULL) fclose(file);
  }
  text_add(report, "\"%s\":", name);
  text_add_json(report, value, strlen(value));
}

/* The limits as the kernel has them: an engine without rights over control groups drops them and says nothing. */
static void add_limits(struct text *report) {
  static const char *const memory[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes", NULL};
  static const char *const pids[] = {"/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max", NULL};
  struct rlimit core = {0};
  bool known = getrlimit(RLIMIT_CORE, &core) == 0;
  text_add(report, "\"limits\":{");
  add_limit(report, "memory", memory);
  text_add(report, ",");
  add_limit(report, "pids", pids);
  text_add(report, ",\"core\":\"%llu\"}", known ? (unsigned long long)core.rlim_max : ~0ULL);
}

static void add_descriptors(struct text *report) {
  bool first = true;
  text_add(report, "\"descriptors\":[");
  DIR *folder = opendir("/proc/self/fd");
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0]) || strtol(entry->d_name, NULL, 10) == dirfd(folder)) continue;
    text_add(report, "%s%s", first ? "" : ",", entry->d_name);
    first = false;
  }
  if (folder != NULL) closedir(folder);
  text_add(report, "]");
}

char *probe_wall(void) {
  struct text report = {0};
  text_add(&report, "{\"version\":1,");
  void (*const parts[])(struct text *) = {add_descriptors, add_processes, add_ids,     add_status,  add_limits,    add_interfaces,
                                          probe_mounts,    add_writable,  add_exposed, add_devices, add_sockets,   probe_syscalls};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (i > 0) text_add(&report, ",");
    parts[i](&report);
  }
  text_add(&report, "}");
  return report.data;
}
