#define _GNU_SOURCE
#include "hatch.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 256 * 1024 };
static const char path[] = "/run/airlock/denied";

/* For the agent to read: what the policy refused, the newest last. It is a hint; nothing depends on it. */
void denied_add(const uint8_t *reason, size_t length) {
  char line[MAX_REASON + 1];
  memcpy(line, reason, length);
  line[length] = '\n';
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return;
  if (lseek(fd, 0, SEEK_END) > MAX_FILE && ftruncate(fd, 0) != 0) length = 0;
  if (length > 0 && write(fd, line, length + 1) < 0) length = 0;
  close(fd);
}
