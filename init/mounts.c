#define _GNU_SOURCE
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_FIELDS = 64 };

/* The kernel writes space, tab, line feed, backslash and # as three octal digits (proc_pid_mountinfo(5)). */
static size_t unescape(char *text) {
  char *out = text;
  for (const char *in = text; *in != '\0';) {
    if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' && in[3] >= '0' && in[3] <= '7') {
      *out++ = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
      in += 4;
    } else {
      *out++ = *in++;
    }
  }
  *out = '\0';
  return (size_t)(out - text);
}

static void add_field(struct text *report, const char *name, char *value) {
  text_add(report, ",\"%s\":", name);
  text_add_json(report, value, unescape(value));
}

static int split(char *line, char **fields) {
  int count = 0;
  for (char *rest = line, *field; count < MAX_FIELDS && (field = strsep(&rest, " ")) != NULL;) fields[count++] = field;
  return count;
}

/* 36 35 98:0 /root /target options shared:1 - type source super-options */
static bool add_mount(struct text *report, char *line, bool first) {
  char *fields[MAX_FIELDS];
  int count = split(line, fields), dash = 6;
  while (dash < count && strcmp(fields[dash], "-") != 0) dash++;
  if (dash + 3 >= count) return false;
  char target[8192];
  snprintf(target, sizeof target, "%s", fields[4]);
  unescape(target);
  struct stat found;
  bool seen = lstat(target, &found) == 0;
  text_add(report, "%s{\"device\":\"%llu\",\"inode\":\"%llu\"", first ? "" : ",", seen ? (unsigned long long)found.st_dev : 0,
           seen ? (unsigned long long)found.st_ino : 0);
  add_field(report, "root", fields[3]);
  add_field(report, "target", fields[4]);
  add_field(report, "options", fields[5]);
  add_field(report, "type", fields[dash + 1]);
  add_field(report, "source", fields[dash + 2]);
  add_field(report, "superOptions", fields[dash + 3]);
  text_add(report, "}");
  return true;
}

void probe_mounts(struct text *report) {
  FILE *file = fopen("/proc/self/mountinfo", "re");
  if (file == NULL) die("cannot read /proc/self/mountinfo");
  text_add(report, "\"mounts\":[");
  char *line = NULL;
  size_t capacity = 0;
  bool first = true;
  for (ssize_t length; (length = getline(&line, &capacity, file)) > 0;) {
    if (line[length - 1] == '\n') line[length - 1] = '\0';
    if (add_mount(report, line, first)) first = false;
    else die("a line of /proc/self/mountinfo cannot be read");
  }
  free(line);
  fclose(file);
  text_add(report, "]");
}
