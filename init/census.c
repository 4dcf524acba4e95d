#define _GNU_SOURCE
#include "census.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef HUGETLBFS_MAGIC
#define HUGETLBFS_MAGIC 0x958458f6
#endif

enum { INTERVAL_MS = 1000, SHARE = 10, SEEN_BITS = 20, SEEN_AT_MOST = 1 << 19 };

/* Inode numbers of what was counted in this look: a file that is open a thousand times is there once. */
static ino_t *seen;
static size_t seen_count;

static bool is_new(ino_t inode) {
  size_t mask = ((size_t)1 << SEEN_BITS) - 1;
  size_t at = (size_t)((inode * 0x9e3779b97f4a7c15ull) >> (64 - SEEN_BITS)) & mask;
  while (seen[at] != 0) {
    if (seen[at] == inode) return false;
    at = (at + 1) & mask;
  }
  seen[at] = inode;
  seen_count++;
  return true;
}

/* Follows the kernel's link to the open file itself: its name is gone, and no path is walked that an agent could bend. */
static void count_link(const char *path, struct census *census) {
  struct stat found;
  struct statfs system;
  if (stat(path, &found) != 0 || !S_ISREG(found.st_mode) || found.st_nlink != 0 || found.st_blocks == 0) return;
  if (statfs(path, &system) != 0 || system.f_type == TMPFS_MAGIC || system.f_type == HUGETLBFS_MAGIC) return;
  if (seen_count >= SEEN_AT_MOST) census->whole = false;
  else if (is_new(found.st_ino)) census->deleted += (unsigned long long)found.st_blocks * 512;
}

/* Files on their way through a socket, sent and not yet received, are in nobody's table. */
static void count_in_flight(const char *path, struct census *census) {
  FILE *file = fopen(path, "re");
  char line[256];
  unsigned long count;
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "scm_fds: %lu", &count) == 1) census->in_flight += count;
  if (file != NULL) fclose(file);
}

/* Every thread may have a table of its own (unshare(CLONE_FILES)), also one whose first thread has ended. */
static void look_at_thread(const char *thread, struct census *census) {
  char path[128];
  snprintf(path, sizeof path, "%s/fd", thread);
  DIR *folder = opendir(path);
  if (folder == NULL) {
    if (errno != ENOENT && errno != ESRCH) census->whole = false;
    return;
  }
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    struct stat found;
    snprintf(path, sizeof path, "%s/fd/%.20s", thread, entry->d_name);
    if (stat(path, &found) == 0 && S_ISSOCK(found.st_mode)) {
      snprintf(path, sizeof path, "%s/fdinfo/%.20s", thread, entry->d_name);
      count_in_flight(path, census);
    } else {
      count_link(path, census);
    }
  }
  closedir(folder);
}

/* A mapping holds a file that nobody has open. */
static void look_at_mappings(const char *process, struct census *census) {
  char path[128], range[48], *line = NULL;
  size_t capacity = 0;
  snprintf(path, sizeof path, "%s/maps", process);
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  for (ssize_t length; (length = getline(&line, &capacity, file)) > 0;) {
    static const char mark[] = " (deleted)\n";
    size_t tail = sizeof mark - 1;
    if ((size_t)length < tail || strcmp(line + length - tail, mark) != 0) continue;
    if (sscanf(line, "%47s", range) != 1) continue;
    snprintf(path, sizeof path, "%s/map_files/%s", process, range);
    count_link(path, census);
  }
  free(line);
  fclose(file);
}

static void look_at_process(const char *process, struct census *census) {
  char path[64];
  snprintf(path, sizeof path, "%s/task", process);
  DIR *folder = opendir(path);
  if (folder == NULL) return;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    snprintf(path, sizeof path, "%s/task/%.20s", process, entry->d_name);
    look_at_thread(path, census);
  }
  closedir(folder);
  look_at_mappings(process, census);
}

static void look_at_processes(struct census *census) {
  DIR *proc = opendir("/proc");
  if (proc == NULL) die("cannot read /proc");
  memset(seen, 0, sizeof *seen << SEEN_BITS);
  seen_count = 0;
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    char process[32];
    snprintf(process, sizeof process, "/proc/%.20s", entry->d_name);
    look_at_process(process, census);
  }
  closedir(proc);
}

/* Of the engine's full set for this exec only what looking needs is kept. */
static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {0};
  unsigned kept = 1u << CAP_SYS_PTRACE | 1u << CAP_SYS_ADMIN | 1u << CAP_DAC_READ_SEARCH;
  data[0].effective = data[0].permitted = kept;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &header, data) != 0)
    die("cannot take the capabilities to count with");
}

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static struct timespec parse_time(const char *text) {
  struct timespec since = {0};
  if (sscanf(text, "%ld.%9ld", &since.tv_sec, &since.tv_nsec) != 2) die("usage: init census [SECONDS.NANOSECONDS]");
  return since;
}

/* Says every second, or less often where a look takes long, what is written and cannot be found in a layer. */
void take_census(const char *root_since) {
  struct timespec since = {0};
  if (root_since != NULL) since = parse_time(root_since);
  drop_capabilities();
  seen = malloc(sizeof *seen << SEEN_BITS);
  if (seen == NULL) die("out of memory");
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (;;) {
    long long began = now_ms();
    struct census census = {.whole = true};
    look_at_processes(&census);
    if (root_since != NULL) count_root(since, &census);
    printf("{\"deleted\":%llu,\"inFlight\":%llu,\"root\":%llu,\"whole\":%s}\n", census.deleted, census.in_flight, census.root,
           census.whole ? "true" : "false");
    if (ferror(stdout)) exit(0);
    long long pause = (now_ms() - began) * SHARE;
    usleep((useconds_t)(pause > INTERVAL_MS ? pause : INTERVAL_MS) * 1000);
  }
}
