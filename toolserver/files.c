#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_IDENTITY = 128, TEMPORARY_NAME = 32 };

static const char *path_of(const struct call *call) { return record_text(call->records, "path", ""); }

static void identify(const struct stat *found, char identity[MAX_IDENTITY]) {
  snprintf(identity, MAX_IDENTITY, "%llu:%llu:%lld:%lld.%09ld:%lld.%09ld", (unsigned long long)found->st_dev,
           (unsigned long long)found->st_ino, (long long)found->st_size, (long long)found->st_mtim.tv_sec,
           found->st_mtim.tv_nsec, (long long)found->st_ctim.tv_sec, found->st_ctim.tv_nsec);
}

/* Regular files alone: a pipe or a device could hold the worker up, or have no end. */
static int open_file(const struct call *call, struct stat *found) {
  int fd = open_beneath(path_of(call), O_RDONLY);
  if (fd < 0 || fstat(fd, found) != 0) failed_errno("cannot open");
  if (S_ISDIR(found->st_mode)) failed("EISDIR", "is a folder");
  if (!S_ISREG(found->st_mode)) failed("EINVAL", "is no regular file");
  return fd;
}

static ssize_t read_some(int fd, char *buffer, size_t size) {
  for (;;) {
    ssize_t got = read(fd, buffer, size);
    if (got >= 0) return got;
    if (errno != EINTR) failed_errno("cannot read");
  }
}

void work_read(const struct call *call) {
  static char buffer[MAX_DATA];
  struct stat found;
  int fd = open_file(call, &found);
  long long offset = record_number(call->records, "offset", 0), left = record_number(call->records, "limit", 0);
  if (offset > 0 && lseek(fd, offset, SEEK_SET) < 0) failed_errno("cannot read there");
  while (left > 0) {
    ssize_t got = read_some(fd, buffer, left < (long long)sizeof buffer ? (size_t)left : sizeof buffer);
    if (got == 0) break;
    put(buffer, (size_t)got);
    left -= got;
  }
  char identity[MAX_IDENTITY];
  identify(&found, identity);
  done("size=%lld%cidentity=%s%c", (long long)found.st_size, '\0', identity, '\0');
}

static long long count_lines(int fd) {
  static char buffer[MAX_DATA];
  long long lines = 0;
  char last = '\n';
  for (ssize_t got; (got = read_some(fd, buffer, sizeof buffer)) > 0; last = buffer[got - 1])
    for (const char *at = buffer, *end = buffer + got; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) lines++;
  lseek(fd, 0, SEEK_SET);
  return lines + (last != '\n');
}

void work_lines(const struct call *call) {
  static char buffer[MAX_DATA];
  struct stat found;
  int fd = open_file(call, &found);
  long long start = record_number(call->records, "start", 1), end = record_number(call->records, "end", -1);
  long long lines = start < 0 || end < 0 ? count_lines(fd) : 0, left = (long long)call->head + 1;
  if (start < 0) start = lines + start + 1 < 1 ? 1 : lines + start + 1;
  if (end < 0) end = lines + end + 1;
  if (start < 1) start = 1;
  long long line = 1, last = 0;
  for (ssize_t got; line <= end && left > 0 && (got = read_some(fd, buffer, sizeof buffer)) > 0;) {
    const char *at = buffer, *stop = buffer + got;
    while (at < stop && line <= end && left > 0) {
      const char *feed = memchr(at, '\n', (size_t)(stop - at)), *next = feed == NULL ? stop : feed + 1;
      if (line >= start) {
        put(at, (size_t)(next - at));
        left -= next - at;
        last = line;
      }
      if (feed != NULL) line++;
      at = next;
    }
  }
  done("size=%lld%cfirst=%lld%clast=%lld%clines=%lld%c", (long long)found.st_size, '\0', start, '\0', last, '\0', lines, '\0');
}

static void copy_input(int to) {
  static char buffer[MAX_DATA];
  for (ssize_t got; (got = read_some(STDIN_FILENO, buffer, sizeof buffer)) > 0;)
    for (ssize_t at = 0; at < got;) {
      ssize_t written = write(to, buffer + at, (size_t)(got - at));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      at += written;
    }
}

static bool copied_whole(int to) {
  struct stat from, at;
  return fstat(STDIN_FILENO, &from) == 0 && fstat(to, &at) == 0 && (!S_ISREG(from.st_mode) || from.st_size == at.st_size);
}

/* A file that is mounted, or whose folder cannot be written, is not replaced but filled anew. */
static void write_in_place(int folder, const char *name, const char *expect) {
  struct stat found;
  char identity[MAX_IDENTITY];
  int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &found) != 0) failed_errno("cannot write");
  identify(&found, identity);
  if (!S_ISREG(found.st_mode) || (*expect != '\0' && strcmp(expect, identity) != 0)) failed("ESTALE", "is another file by now");
  if (ftruncate(fd, 0) != 0) failed_errno("cannot write");
  errno = 0;
  copy_input(fd);
  if (!copied_whole(fd)) failed_errno("cannot write all of it");
}

static mode_t usual_mode(void) {
  mode_t mask = umask(022);
  umask(mask);
  return 0666 & ~mask;
}

static int make_temporary(int folder, char name[TEMPORARY_NAME]) {
  uint64_t random;
  if (getrandom(&random, sizeof random, 0) != sizeof random) return -1;
  snprintf(name, TEMPORARY_NAME, ".airlock-%016llx", (unsigned long long)random);
  return openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool cannot_replace(int reason) { return reason == EACCES || reason == EPERM || reason == EROFS || reason == EBUSY; }

/* What is there now, or nothing; fails when that is not what the caller saw. */
static bool look(int folder, const char *name, const char *expect, struct stat *found) {
  char identity[MAX_IDENTITY];
  if (fstatat(folder, name, found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) failed_errno("cannot look at it");
    if (*expect != '\0' && strcmp(expect, "absent") != 0) failed("ESTALE", "is gone by now");
    return false;
  }
  if (strcmp(expect, "absent") == 0) failed("EEXIST", "is there already");
  if (S_ISLNK(found->st_mode)) failed("ELOOP", "is a link by now");
  if (S_ISDIR(found->st_mode)) failed("EISDIR", "is a folder");
  if (!S_ISREG(found->st_mode)) failed("EINVAL", "is no regular file");
  identify(found, identity);
  if (*expect != '\0' && strcmp(expect, identity) != 0) failed("ESTALE", "is another file by now");
  return true;
}

void work_write(const struct call *call) {
  const char *name = NULL, *expect = record_text(call->records, "expect", "");
  struct stat found;
  char temporary[TEMPORARY_NAME];
  int folder = open_parent(path_of(call), true, &name);
  if (folder < 0) failed_errno("cannot open the folder");
  bool is_there = look(folder, name, expect, &found);
  int fd = make_temporary(folder, temporary);
  if (fd < 0 && !(is_there && cannot_replace(errno))) failed_errno("cannot write in the folder");
  if (fd >= 0) {
    errno = 0;
    copy_input(fd);
    if (!copied_whole(fd) || fchmod(fd, is_there ? found.st_mode & 0777 : usual_mode()) != 0) {
      int reason = errno == 0 ? EIO : errno;
      unlinkat(folder, temporary, 0);
      errno = reason;
      failed_errno("cannot write");
    }
    if (renameat2(folder, temporary, folder, name, is_there ? 0 : RENAME_NOREPLACE) != 0) {
      int reason = errno;
      unlinkat(folder, temporary, 0);
      errno = reason;
      if (!is_there || !cannot_replace(reason)) failed_errno("cannot put it there");
      fd = -1;
      lseek(STDIN_FILENO, 0, SEEK_SET);
    }
  }
  if (fd < 0) write_in_place(folder, name, expect);
  done("created=%d%csize=%lld%c", !is_there, '\0', (long long)lseek(STDIN_FILENO, 0, SEEK_CUR), '\0');
}
