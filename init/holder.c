#define _GNU_SOURCE
#include "init.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The socket of the connection that leaves from a local port, as the kernel numbers it; 0 when there is none (any more). */
static unsigned long socket_of(const char *table, unsigned wanted) {
  char line[512];
  unsigned long found = 0;
  FILE *file = fopen(table, "re");
  if (file == NULL) return 0;
  while (found == 0 && fgets(line, sizeof line, file) != NULL) {
    unsigned port;
    unsigned long inode;
    /* proc_net_tcp.rst: number, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode. */
    if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &port, &inode) == 2 && port == wanted) found = inode;
  }
  fclose(file);
  return found;
}

static bool holds(const char *pid, const char *wanted) {
  char path[64], target[64];
  snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
  DIR *folder = opendir(path);
  if (folder == NULL) return false;
  bool found = false;
  for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
    ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
    if (length <= 0) continue;
    target[length] = '\0';
    found = strcmp(target, wanted) == 0;
  }
  closedir(folder);
  return found;
}

static void print_arguments(const char *pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
  FILE *file = fopen(path, "re");
  size_t length = file == NULL ? 0 : fread(text, 1, sizeof text, file);
  if (file != NULL) fclose(file);
  while (length > 0 && text[length - 1] == '\0') length--;
  for (size_t at = 0; at < length; at++) putchar(text[at] == '\0' ? ' ' : text[at]);
}

/* Prints what the process that connects from this port says it is. Processes say of themselves what they like. */
void tell_holder(const char *port) {
  unsigned wanted = (unsigned)strtoul(port, NULL, 10);
  unsigned long inode = socket_of("/proc/net/tcp", wanted);
  if (inode == 0) inode = socket_of("/proc/net/tcp6", wanted);
  char name[64];
  snprintf(name, sizeof name, "socket:[%lu]", inode);
  DIR *proc = inode == 0 ? NULL : opendir("/proc");
  if (proc == NULL) exit(0);
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0]) || !holds(entry->d_name, name)) continue;
    print_arguments(entry->d_name);
    break;
  }
  closedir(proc);
  exit(0);
}
