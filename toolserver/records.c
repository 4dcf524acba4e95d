#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool records_are_whole(struct records records) {
  if (records.length == 0) return true;
  if (records.data[records.length - 1] != '\0') return false;
  for (const char *at = records.data; at < records.data + records.length; at += strlen(at) + 1)
    if (strchr(at, '=') == NULL) return false;
  return true;
}

const char *record_nth(struct records records, const char *name, unsigned skip) {
  size_t length = strlen(name);
  for (const char *at = records.data; at < records.data + records.length; at += strlen(at) + 1)
    if (strncmp(at, name, length) == 0 && at[length] == '=' && skip-- == 0) return at + length + 1;
  return NULL;
}

const char *record_text(struct records records, const char *name, const char *otherwise) {
  const char *value = record_nth(records, name, 0);
  return value == NULL ? otherwise : value;
}

long long record_number(struct records records, const char *name, long long otherwise) {
  const char *value = record_nth(records, name, 0);
  if (value == NULL) return otherwise;
  char *end;
  errno = 0;
  long long number = strtoll(value, &end, 10);
  return errno != 0 || end == value || *end != '\0' ? otherwise : number;
}
