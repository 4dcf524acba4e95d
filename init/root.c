#define _GNU_SOURCE
#include "census.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 1000 };

/* statx's mount number where the kernel knows it, else the device: what is mounted on the root is counted elsewhere. */
static bool look(int folder, const char *name, struct statx *found) {
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  return statx(folder, name, flags, STATX_BASIC_STATS | STATX_MNT_ID, found) == 0;
}

static bool is_on_root(const struct statx *found, const struct statx *root) {
  if (found->stx_mask & root->stx_mask & STATX_MNT_ID) return found->stx_mnt_id == root->stx_mnt_id;
  return found->stx_dev_major == root->stx_dev_major && found->stx_dev_minor == root->stx_dev_minor;
}

/* The image's files changed before the container was made; a file's ctime is the kernel's to set, nobody else's. */
static bool is_written(const struct statx *found, struct timespec since) {
  const struct statx_timestamp *changed = &found->stx_ctime;
  return changed->tv_sec > since.tv_sec || (changed->tv_sec == since.tv_sec && changed->tv_nsec >= since.tv_nsec);
}

static int enter(int folder, const char *name) {
  return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Goes down by descriptors only, and never up: a folder that is moved meanwhile leads nowhere else. */
void count_root(struct timespec since, struct census *census) {
  static DIR *open[MAX_DEPTH];
  struct statx root, found;
  int top = enter(AT_FDCWD, "/proc/1/root/");
  if (top < 0 || !look(top, "", &root)) die("cannot look at the root file system");
  int depth = 0;
  open[0] = fdopendir(top);
  while (depth >= 0) {
    struct dirent *entry = open[depth] == NULL ? NULL : readdir(open[depth]);
    if (entry == NULL) {
      if (open[depth] == NULL) census->whole = false;
      else closedir(open[depth]);
      depth--;
      continue;
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    int folder = dirfd(open[depth]);
    if (!look(folder, entry->d_name, &found) || !is_on_root(&found, &root)) continue;
    bool is_folder = S_ISDIR(found.stx_mode);
    unsigned names = is_folder || found.stx_nlink == 0 ? 1 : found.stx_nlink;
    if (is_written(&found, since)) census->root += found.stx_blocks * 512 / names;
    if (!is_folder) continue;
    int inner = enter(folder, entry->d_name);
    if (inner < 0) {
      if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) census->whole = false;
    } else if (depth + 1 >= MAX_DEPTH) {
      census->whole = false;
      close(inner);
    } else {
      open[++depth] = fdopendir(inner);
    }
  }
}
