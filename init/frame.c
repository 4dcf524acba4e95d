#include "init.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BODY = 16 * 1024 * 1024, MAX_DIGITS = 8 };

/* Never reads past what it was asked for: the bytes after the frame belong to the command. */
static void read_exactly(char *buffer, size_t length) {
  while (length > 0) {
    ssize_t got = read(STDIN_FILENO, buffer, length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) die("the host went away before it let the command start");
    buffer += got;
    length -= (size_t)got;
  }
}

static size_t read_length(void) {
  char magic[sizeof MAGIC - 1];
  read_exactly(magic, sizeof magic);
  if (memcmp(magic, MAGIC, sizeof magic) != 0) die("the release frame is garbled");
  size_t length = 0;
  for (int digits = 0;; digits++) {
    char c;
    read_exactly(&c, 1);
    if (c == '\n' && digits > 0) return length;
    if (c < '0' || c > '9' || digits >= MAX_DIGITS) die("the release frame's length is garbled");
    length = length * 10 + (size_t)(c - '0');
  }
}

static void take_record(struct frame *frame, char *record, size_t *env, size_t *args, bool *has_mode) {
  if (strncmp(record, "env=", 4) == 0 && strchr(record + 4, '=') != NULL) frame->env[(*env)++] = record + 4;
  else if (strncmp(record, "arg=", 4) == 0) frame->args[(*args)++] = record + 4;
  else if (strncmp(record, "cwd=/", 5) == 0 && frame->cwd == NULL) frame->cwd = record + 4;
  else if (strncmp(record, "mode=", 5) == 0 && !*has_mode) {
    *has_mode = true;
    frame->hold = strcmp(record + 5, "hold") == 0;
    if (!frame->hold && strcmp(record + 5, "run") != 0) die("the release frame has an unknown mode");
  } else die("the release frame has an unknown record");
}

struct frame read_frame(void) {
  size_t length = read_length();
  if (length == 0 || length > MAX_BODY) die("the release frame's length is out of bounds");
  char *body = malloc(length);
  if (body == NULL) die("out of memory");
  read_exactly(body, length);
  if (body[length - 1] != '\0') die("the release frame's last record has no end");
  size_t records = 0;
  for (size_t i = 0; i < length; i++) records += body[i] == '\0';
  struct frame frame = {0};
  frame.env = calloc(records + 1, sizeof *frame.env);
  frame.args = calloc(records + 1, sizeof *frame.args);
  if (frame.env == NULL || frame.args == NULL) die("out of memory");
  size_t env = 0, args = 0;
  bool has_mode = false;
  for (char *record = body; record < body + length; record += strlen(record) + 1)
    take_record(&frame, record, &env, &args, &has_mode);
  if (!has_mode || frame.cwd == NULL || (!frame.hold && args == 0)) die("the release frame lacks a record");
  return frame;
}
