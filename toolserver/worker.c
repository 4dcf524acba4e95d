#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[MAX_DATA];
static size_t filled;

static void flush(void) {
  for (size_t at = 0; at < filled;) {
    ssize_t written = write(STDOUT_FILENO, buffer + at, filled - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);
    at += (size_t)written;
  }
  filled = 0;
}

void put(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    if (filled == sizeof buffer) flush();
    size_t piece = length < sizeof buffer - filled ? length : sizeof buffer - filled;
    memcpy(buffer + filled, at, piece);
    filled += piece;
    at += piece;
    length -= piece;
  }
}

void put_text(const char *text) { put(text, strlen(text) + 1); }

static void last_words(const char *words, size_t length) {
  flush();
  send(CONTROL_FD, words, length, MSG_NOSIGNAL);
  _exit(0);
}

void done(const char *format, ...) {
  char words[1024] = {DONE};
  va_list args;
  va_start(args, format);
  int length = vsnprintf(words + 1, sizeof words - 1, format, args);
  va_end(args);
  last_words(words, (size_t)length + 1);
  _exit(0);
}

void failed(const char *code, const char *text) {
  char words[1024] = {FAILED};
  int length = snprintf(words + 1, sizeof words - 1, "code=%.40s%ctext=%.800s", code, '\0', text);
  last_words(words, (size_t)length + 2);
  _exit(0);
}

void failed_errno(const char *what) {
  int reason = errno;
  char text[600];
  const char *code = strerrorname_np(reason);
  snprintf(text, sizeof text, "%s: %s", what, strerror(reason));
  failed(code == NULL ? "EIO" : code, text);
}
