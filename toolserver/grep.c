#define _GNU_SOURCE
#include "toolserver.h"

#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 32 << 20, SNIFFED = 8192, MAX_LINE = 500 };

static struct pattern included[64];
static size_t included_count;
static regex_t regex;
/* Without any operator in it: found much faster so. */
static const char *literal;
static enum { CONTENT, FILES, COUNT } mode;
static long long context, per_file, limit, printed, matches, files, searched;
static char *content;
static size_t capacity;

static bool has_operator(const char *pattern) { return strpbrk(pattern, "\\.[]{}()*+?^$|") != NULL; }

static void add_escaped(char *to, const char *from) {
  for (; *from != '\0'; from++) {
    if (strchr("\\.[]{}()*+?^$|", *from) != NULL) *to++ = '\\';
    *to++ = *from;
  }
  *to = '\0';
}

static void prepare(const char *pattern, bool is_fixed, bool ignore_case) {
  char *posix, text[300];
  const char *reason = "the pattern is empty";
  if (*pattern == '\0') failed("EINVAL", reason);
  if (!ignore_case && (is_fixed || !has_operator(pattern))) {
    literal = pattern;
    return;
  }
  if (is_fixed) {
    posix = malloc(strlen(pattern) * 2 + 1);
    if (posix != NULL) add_escaped(posix, pattern);
  } else posix = translate_regex(pattern, &ignore_case, &reason);
  if (posix == NULL) {
    snprintf(text, sizeof text, "the pattern has %s", reason);
    failed("EINVAL", text);
  }
  int code = regcomp(&regex, posix, REG_EXTENDED | REG_NEWLINE | (ignore_case ? REG_ICASE : 0));
  if (code == 0) return;
  char why[200];
  regerror(code, &regex, why, sizeof why);
  snprintf(text, sizeof text, "the pattern cannot be used: %s", why);
  failed("EINVAL", text);
}

/* The start of the next match at or after `at`, or NULL. */
static const char *next_match(const char *at, const char *end) {
  if (literal != NULL) return memmem(at, (size_t)(end - at), literal, strlen(literal));
  while (at < end) {
    const char *feed = memchr(at, '\n', (size_t)(end - at)), *stop = feed == NULL ? end : feed;
    regmatch_t place = {.rm_so = 0, .rm_eo = stop - at};
    if (regexec(&regex, at, 1, &place, REG_STARTEND) == 0) return at;
    at = stop + 1;
  }
  return NULL;
}

static bool load(const struct found *found, size_t *length) {
  struct stat state;
  int fd = openat(found->folder, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  bool is_good = fd >= 0 && fstat(fd, &state) == 0 && S_ISREG(state.st_mode) && state.st_size <= MAX_FILE;
  *length = 0;
  for (ssize_t got = 1; is_good && got > 0 && *length < MAX_FILE;) {
    if (capacity - *length < MAX_DATA && (content = realloc(content, capacity = capacity * 2 + MAX_DATA * 2)) == NULL) _exit(1);
    got = read(fd, content + *length, capacity - *length - 1);
    if (got < 0) is_good = false;
    else *length += (size_t)got;
    size_t sniffed = *length < SNIFFED ? *length : SNIFFED;
    if (is_good && memchr(content, '\0', sniffed) != NULL) is_good = false;
  }
  if (fd >= 0) close(fd);
  return is_good && *length > 0;
}

static void put_line(const char *below, long long number, char kind, const char *line, const char *end) {
  char head[48], shown[MAX_LINE + 1];
  const char *feed = memchr(line, '\n', (size_t)(end - line));
  size_t length = (size_t)((feed == NULL ? end : feed) - line);
  if (length > MAX_LINE) length = MAX_LINE;
  memcpy(shown, line, length);
  for (size_t i = 0; i < length; i++)
    if (shown[i] == '\0') shown[i] = '?';
  shown[length] = '\0';
  int head_length = snprintf(head, sizeof head, "%lld%c%c", number, '\0', kind);
  put_text(below);
  put(head, (size_t)head_length + 1);
  put_text(shown);
  printed++;
}

static const char *line_after(const char *line, const char *end) {
  const char *feed = memchr(line, '\n', (size_t)(end - line));
  return feed == NULL ? end : feed + 1;
}

/* Where in a file the search is: `line` is the next that was not shown, `number` its number. */
struct cursor {
  const char *line, *end;
  long long number, after;
};

static void show_until(struct cursor *cursor, const char *below, const char *match) {
  long long first = cursor->number;
  const char *line = cursor->line;
  while (line < match) {
    line = line_after(line, cursor->end);
    first++;
  }
  /* `first` is the match's own line. */
  while (cursor->line < match) {
    bool is_near = first - cursor->number <= context || cursor->after > 0;
    if (is_near && printed < limit) put_line(below, cursor->number, '-', cursor->line, cursor->end);
    if (cursor->after > 0) cursor->after--;
    cursor->line = line_after(cursor->line, cursor->end);
    cursor->number++;
  }
}

static long long search(const char *below, size_t length) {
  const char *end = content + length;
  struct cursor cursor = {.line = content, .end = end, .number = 1};
  long long found = 0;
  for (const char *match; found < per_file && printed < limit && cursor.line < end && (match = next_match(cursor.line, end)) != NULL;) {
    const char *line = memrchr(content, '\n', (size_t)(match - content));
    line = line == NULL ? content : line + 1;
    found++;
    if (mode == FILES) return found;
    if (mode == COUNT) cursor.line = line_after(match, end);
    else {
      show_until(&cursor, below, line);
      if (printed < limit) put_line(below, cursor.number, ':', cursor.line, end);
      cursor.line = line_after(cursor.line, end);
      cursor.number++;
      cursor.after = context;
    }
  }
  for (; mode == CONTENT && cursor.after > 0 && cursor.line < end && printed < limit; cursor.after--) {
    put_line(below, cursor.number++, '-', cursor.line, end);
    cursor.line = line_after(cursor.line, end);
  }
  return found;
}

static bool grep_one(const struct found *found) {
  size_t length;
  char count[32];
  if (found->type != DT_REG) return true;
  const char *slash = strrchr(found->below, '/');
  if (included_count > 0 && !patterns_match(included, included_count, found->below) &&
      !patterns_match(included, included_count, slash == NULL ? found->below : slash + 1))
    return true;
  if (printed >= limit) return false;
  if (!load(found, &length)) return true;
  searched++;
  long long in_file = search(found->below, length);
  if (in_file == 0) return true;
  files++;
  matches += in_file;
  if (mode == CONTENT) return true;
  put_text(found->below);
  printed++;
  if (mode == COUNT) {
    snprintf(count, sizeof count, "%lld", in_file);
    put_text(count);
  }
  return true;
}

void work_grep(const struct call *call) {
  struct records records = call->records;
  const char *path = record_text(records, "path", ""), *include = record_text(records, "include", ""), *name;
  const char *wanted = record_text(records, "mode", "content");
  mode = strcmp(wanted, "files") == 0 ? FILES : strcmp(wanted, "count") == 0 ? COUNT : CONTENT;
  context = record_number(records, "context", 0);
  per_file = record_number(records, "perfile", 1000);
  limit = record_number(records, "limit", 1000);
  prepare(record_text(records, "pattern", ""), record_number(records, "fixed", 0) == 1, record_number(records, "ignorecase", 0) == 1);
  if (*include != '\0' && !patterns_parse(include, included, &included_count)) failed("EINVAL", "the include pattern cannot be used");
  bool is_whole;
  int folder = open_beneath(path, O_RDONLY | O_DIRECTORY);
  if (folder >= 0) is_whole = walk(folder, (int)record_number(records, "depth", 64), true, grep_one);
  else {
    /* One file: the include pattern is not asked. */
    folder = open_parent(path, false, &name);
    if (folder < 0) failed_errno("cannot open");
    struct stat found;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) failed_errno("cannot open");
    if (S_ISLNK(found.st_mode)) failed("ELOOP", "is a link");
    if (!S_ISREG(found.st_mode)) failed("EINVAL", "is no regular file");
    included_count = 0;
    is_whole = grep_one(&(struct found){.folder = folder, .name = name, .below = name, .type = DT_REG});
  }
  done("matches=%lld%cfiles=%lld%csearched=%lld%ccut=%d%c", matches, '\0', files, '\0', searched, '\0', !is_whole || printed >= limit, '\0');
}
