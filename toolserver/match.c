#define _GNU_SOURCE
#include "toolserver.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATTERN = 1024, MAX_PATTERNS = 64, MAX_SEGMENTS = 64 };

static bool add_pattern(const char *text, struct pattern *patterns, size_t *count) {
  if (*count == MAX_PATTERNS) return false;
  struct pattern *pattern = &patterns[(*count)++];
  char *copy = strdup(text), *rest = copy, *segment;
  if (copy == NULL) return false;
  pattern->count = 0;
  while ((segment = strsep(&rest, "/")) != NULL) {
    if (*segment == '\0' || strcmp(segment, ".") == 0) continue;
    if (pattern->count == MAX_SEGMENTS) return false;
    pattern->segments[pattern->count++] = segment;
  }
  return true;
}

/* The end of the first group of braces that has a comma in it. */
static const char *find_group(const char *text, const char **open) {
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '\\' && at[1] != '\0') at++;
    else if (*at == '{') {
      int depth = 0;
      bool has_comma = false;
      for (const char *end = at; *end != '\0'; end++) {
        depth += (*end == '{') - (*end == '}');
        has_comma |= depth == 1 && *end == ',';
        if (depth > 0) continue;
        if (!has_comma) break;
        *open = at;
        return end;
      }
    }
  }
  return NULL;
}

static bool expand(const char *text, struct pattern *patterns, size_t *count) {
  const char *open, *close = find_group(text, &open);
  if (close == NULL) return add_pattern(text, patterns, count);
  int depth = 0;
  for (const char *from = open + 1, *at = from; at <= close; at++) {
    depth += *at == '{';
    if (at == close || (*at == ',' && depth == 0)) {
      char joined[MAX_PATTERN + 1];
      size_t first = (size_t)(open - text), middle = (size_t)(at - from);
      memcpy(joined, text, first);
      memcpy(joined + first, from, middle);
      strcpy(joined + first + middle, close + 1);
      if (!expand(joined, patterns, count)) return false;
      from = at + 1;
    }
    depth -= *at == '}';
  }
  return true;
}

bool patterns_add(const char *text, struct pattern *patterns, size_t *count) {
  return strlen(text) <= MAX_PATTERN && expand(text, patterns, count);
}

bool patterns_parse(const char *text, struct pattern *patterns, size_t *count) {
  *count = 0;
  return patterns_add(text, patterns, count);
}

static bool matches_segment(const char *pattern, const char *segment) { return fnmatch(pattern, segment, 0) == 0; }

/* Row by row: `reach[s]` says whether the pattern so far matches the first `s` segments. */
static bool matches(const struct pattern *pattern, char *const *segments, size_t count) {
  bool reach[MAX_SEGMENTS * 2 + 1] = {true};
  for (size_t p = 0; p < pattern->count; p++) {
    bool next[MAX_SEGMENTS * 2 + 1] = {false}, is_any = strcmp(pattern->segments[p], "**") == 0;
    bool before = false;
    for (size_t s = 0; s <= count; s++) {
      if (is_any) next[s] = before = before || reach[s];
      else if (s > 0 && reach[s - 1]) next[s] = matches_segment(pattern->segments[p], segments[s - 1]);
    }
    memcpy(reach, next, sizeof reach);
  }
  return reach[count];
}

bool patterns_match(const struct pattern *patterns, size_t count, const char *below) {
  char copy[PATH_MAX], *segments[MAX_SEGMENTS * 2], *rest = copy, *segment;
  size_t segment_count = 0;
  strcpy(copy, below);
  while ((segment = strsep(&rest, "/")) != NULL && segment_count < MAX_SEGMENTS * 2) segments[segment_count++] = segment;
  for (size_t i = 0; i < count; i++)
    if (matches(&patterns[i], segments, segment_count)) return true;
  return false;
}
