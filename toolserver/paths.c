#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINKS = 40 };

static bool too_long(void) {
  errno = ENAMETOOLONG;
  return false;
}

/* Puts what a link says before what is left of the path. */
static bool follow(char rest[PATH_MAX], const char *target, char real[PATH_MAX]) {
  char joined[PATH_MAX];
  size_t first = strlen(target), second = strlen(rest);
  if (first + 1 + second >= PATH_MAX) return too_long();
  memcpy(joined, target, first);
  joined[first] = '/';
  memcpy(joined + first + 1, rest, second + 1);
  memcpy(rest, joined, first + second + 2);
  if (*target == '/') *real = '\0';
  return true;
}

static bool step(char real[PATH_MAX], const char *name, char rest[PATH_MAX], int *links) {
  char target[PATH_MAX];
  size_t length = strlen(real);
  if (length + 1 + strlen(name) >= PATH_MAX) return too_long();
  real[length] = '/';
  strcpy(real + length + 1, name);
  ssize_t got = readlink(real, target, sizeof target - 1);
  if (got <= 0) return true;
  target[got] = '\0';
  real[length] = '\0';
  if (++*links <= MAX_LINKS) return follow(rest, target, real);
  errno = ELOOP;
  return false;
}

bool resolve_path(const char *path, char real[PATH_MAX]) {
  char rest[PATH_MAX];
  int links = 0;
  if (*path != '/') {
    errno = EINVAL;
    return false;
  }
  if (strlen(path) >= PATH_MAX) return too_long();
  strcpy(rest, path);
  *real = '\0';
  while (*rest != '\0') {
    char name[PATH_MAX];
    size_t start = strspn(rest, "/"), length = strcspn(rest + start, "/");
    memcpy(name, rest + start, length);
    name[length] = '\0';
    memmove(rest, rest + start + length, strlen(rest + start + length) + 1);
    if (length == 0 || strcmp(name, ".") == 0) continue;
    if (strcmp(name, "..") == 0) {
      char *slash = strrchr(real, '/');
      if (slash != NULL) *slash = '\0';
    } else if (!step(real, name, rest, &links)) return false;
  }
  if (*real == '\0') strcpy(real, "/");
  return true;
}

static int open_one(int folder, const char *name, int flags) {
  int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
  struct stat found;
  if (fd < 0 && errno == ENOTDIR && fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode)) errno = ELOOP;
  return fd;
}

static int descend(int folder, const char *name, bool make) {
  int inner = open_one(folder, name, O_PATH | O_DIRECTORY);
  if (inner < 0 && errno == ENOENT && make && (mkdirat(folder, name, 0777) == 0 || errno == EEXIST))
    inner = open_one(folder, name, O_PATH | O_DIRECTORY);
  int reason = errno;
  close(folder);
  errno = reason;
  return inner;
}

int open_parent(const char *path, bool make, const char **name) {
  if (*path != '/') {
    errno = EINVAL;
    return -1;
  }
  int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (const char *at = path + 1; folder >= 0; ) {
    size_t length = strcspn(at, "/");
    char part[NAME_MAX + 1];
    bool is_odd = length == 0 || length > NAME_MAX || (at[0] == '.' && (length == 1 || (length == 2 && at[1] == '.')));
    if (is_odd) {
      close(folder);
      errno = length <= NAME_MAX ? EINVAL : ENAMETOOLONG;
      return -1;
    }
    if (at[length] == '\0') {
      *name = at;
      return folder;
    }
    memcpy(part, at, length);
    part[length] = '\0';
    folder = descend(folder, part, make);
    at += length + 1;
  }
  return folder;
}

int open_beneath(const char *path, int flags) {
  if (strcmp(path, "/") == 0) return open("/", flags | O_CLOEXEC);
  const char *name;
  int folder = open_parent(path, false, &name);
  if (folder < 0) return -1;
  int fd = open_one(folder, name, flags | O_NOCTTY | O_NONBLOCK);
  int reason = errno;
  close(folder);
  errno = reason;
  return fd;
}
