#define _GNU_SOURCE
#include "toolserver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 64, MAX_ENTRIES = 200000 };

/* Nobody means these when they say "the project"; a path that leads into them does. */
static const char *const usual[] = {".git", ".hg", ".svn", "node_modules", NULL};

struct name {
  unsigned char type;
  char text[];
};

static int compare_names(const void *left, const void *right) {
  return strcmp((*(struct name *const *)left)->text, (*(struct name *const *)right)->text);
}

static bool is_usual(const char *name) {
  for (const char *const *each = usual; *each != NULL; each++)
    if (strcmp(*each, name) == 0) return true;
  return false;
}

static unsigned char type_of(int folder, const char *name) {
  struct stat found;
  if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
  return S_ISDIR(found.st_mode) ? DT_DIR : S_ISREG(found.st_mode) ? DT_REG : S_ISLNK(found.st_mode) ? DT_LNK : DT_FIFO;
}

static size_t read_names(int folder, struct name ***names) {
  DIR *open = fdopendir(fcntl(folder, F_DUPFD_CLOEXEC, 0));
  size_t count = 0, capacity = 0;
  *names = NULL;
  if (open == NULL) return 0;
  for (struct dirent *entry; count < MAX_ENTRIES && (entry = readdir(open)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (count == capacity && (*names = realloc(*names, (capacity = capacity * 2 + 64) * sizeof **names)) == NULL) _exit(1);
    size_t length = strlen(entry->d_name) + 1;
    struct name *name = malloc(sizeof *name + length);
    if (name == NULL) _exit(1);
    name->type = entry->d_type == DT_UNKNOWN ? type_of(folder, entry->d_name) : entry->d_type;
    memcpy(name->text, entry->d_name, length);
    (*names)[count++] = name;
  }
  closedir(open);
  if (count > 0) qsort(*names, count, sizeof **names, compare_names);
  return count;
}

struct place {
  char below[PATH_MAX];
  visitor visit;
  bool skip_usual;
};

static bool walk_folder(struct place *place, int folder, size_t length, int depth) {
  struct name **names;
  size_t count = read_names(folder, &names);
  bool goes_on = true;
  for (size_t i = 0; i < count; i++) {
    struct name *name = names[i];
    size_t end = length + strlen(name->text);
    if (goes_on && end + 1 < sizeof place->below && !(place->skip_usual && name->type == DT_DIR && is_usual(name->text))) {
      strcpy(place->below + length, name->text);
      bool descend = true;
      goes_on = place->visit(&(struct found){folder, name->text, place->below, name->type, &descend});
      int inner = goes_on && descend && name->type == DT_DIR && depth > 0
                      ? openat(folder, name->text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                      : -1;
      if (inner >= 0) {
        place->below[end] = '/';
        goes_on = walk_folder(place, inner, end + 1, depth - 1);
        close(inner);
      }
    }
    free(name);
  }
  free(names);
  return goes_on;
}

bool walk(int folder, int depth, bool skip_usual, visitor visit) {
  static struct place place;
  place.visit = visit;
  place.skip_usual = skip_usual;
  return walk_folder(&place, folder, 0, depth < MAX_DEPTH ? depth : MAX_DEPTH);
}

static long long limit, entries;
static struct pattern patterns[64];
static size_t pattern_count;

static int open_folder(const struct call *call) {
  int folder = open_beneath(record_text(call->records, "path", ""), O_RDONLY | O_DIRECTORY);
  if (folder < 0) failed_errno("cannot open the folder");
  limit = record_number(call->records, "limit", 1000);
  return folder;
}

static bool list_one(const struct found *found) {
  struct stat state;
  if (pattern_count > 0 && (patterns_match(patterns, pattern_count, found->below) || patterns_match(patterns, pattern_count, found->name))) {
    *found->descend = false;
    return true;
  }
  if (entries >= limit) return false;
  if (fstatat(found->folder, found->name, &state, AT_SYMLINK_NOFOLLOW) != 0) return true;
  char head[96], target[PATH_MAX] = "";
  const char type = S_ISDIR(state.st_mode) ? 'd' : S_ISREG(state.st_mode) ? 'f' : S_ISLNK(state.st_mode) ? 'l' : 'o';
  int length = snprintf(head, sizeof head, "%c%c%o%c%lld%c%lld", type, '\0', (unsigned)state.st_mode & 07777, '\0',
                        (long long)state.st_size, '\0', (long long)state.st_mtim.tv_sec);
  if (type == 'l' && readlinkat(found->folder, found->name, target, sizeof target - 1) < 0) *target = '\0';
  put(head, (size_t)length + 1);
  put_text(found->below);
  put_text(target);
  entries++;
  return true;
}

void work_list(const struct call *call) {
  const char *ignored;
  for (unsigned i = 0; (ignored = record_nth(call->records, "ignore", i)) != NULL; i++)
    if (!patterns_add(ignored, patterns, &pattern_count)) failed("EINVAL", "a name to leave out is too long or has too many alternatives");
  bool is_whole = walk(open_folder(call), (int)record_number(call->records, "depth", 0), false, list_one);
  done("entries=%lld%ccut=%d%c", entries, '\0', !is_whole, '\0');
}

static bool glob_one(const struct found *found) {
  if (found->type == DT_DIR || !patterns_match(patterns, pattern_count, found->below)) return true;
  if (entries >= limit) return false;
  put_text(found->below);
  entries++;
  return true;
}

void work_glob(const struct call *call) {
  int folder = open_folder(call);
  if (!patterns_parse(record_text(call->records, "pattern", ""), patterns, &pattern_count))
    failed("EINVAL", "the pattern is too long or has too many alternatives");
  bool is_whole = walk(folder, (int)record_number(call->records, "depth", MAX_DEPTH), true, glob_one);
  done("entries=%lld%ccut=%d%c", entries, '\0', !is_whole, '\0');
}
