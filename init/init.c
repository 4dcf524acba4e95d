#define _GNU_SOURCE
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

void die(const char *what) {
  restore_terminal();
  fprintf(stderr, "airlock: %s\n", what);
  exit(EXIT_OURS);
}

static void write_all(const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(STDOUT_FILENO, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) die("cannot write to the host");
    bytes += written;
    length -= (size_t)written;
  }
}

/* Starts this program anew with the environment of the frame, so that /proc/1/environ holds it for later execs; what it
 * is to do follows as arguments. */
static void become(const struct frame *frame) {
  size_t count = 0;
  while (frame->args[count] != NULL) count++;
  char **args = calloc(count + 3, sizeof *args);
  if (args == NULL) die("out of memory");
  args[0] = "/airlock/init";
  args[1] = frame->hold ? "hold" : "command";
  memcpy(args + 2, frame->args, count * sizeof *args);
  if (chdir(frame->cwd) != 0) {
    fprintf(stderr, "airlock: cannot enter the folder %s: %s\n", frame->cwd, strerror(errno));
    exit(EXIT_CANNOT_RUN);
  }
  execve("/proc/self/exe", args, frame->env);
  fprintf(stderr, "airlock: cannot start with this environment and these arguments: %s\n", strerror(errno));
  exit(EXIT_CANNOT_RUN);
}

static void sandbox(void) {
  char *report = probe_wall();
  quiet_terminal();
  write_all(MAGIC, sizeof MAGIC - 1);
  write_all(report, strlen(report));
  write_all("\n", 1);
  struct frame frame = read_frame();
  restore_terminal();
  name_user();
  become(&frame);
}

/* What was given to the sandbox as a whole, overlaid with what this command was given. */
static void inherit_environment(void) {
  clearenv();
  FILE *file = fopen("/proc/1/environ", "re");
  if (file == NULL) die("cannot read the sandbox's environment");
  char *line = NULL;
  size_t capacity = 0;
  while (getdelim(&line, &capacity, '\0', file) > 0) {
    if (strchr(line, '=') == NULL) continue;
    char *kept = strdup(line);
    if (kept == NULL) die("out of memory");
    putenv(kept);
  }
  free(line);
  fclose(file);
}

static void enter(void) {
  quiet_terminal();
  write_all(MAGIC "ready\n", sizeof MAGIC + 5);
  struct frame frame = read_frame();
  restore_terminal();
  if (frame.hold) die("an exec cannot hold");
  inherit_environment();
  for (char **entry = frame.env; *entry != NULL; entry++) putenv(*entry);
  start_command(&frame);
}

int main(int count, char **args) {
  const char *mode = count > 1 ? args[1] : "";
  if (strcmp(mode, "sandbox") == 0 && count == 2) sandbox();
  if (strcmp(mode, "command") == 0 && count > 2) run_as_init(args + 2);
  if (strcmp(mode, "hold") == 0 && count == 2) hold_as_init();
  if (strcmp(mode, "enter") == 0 && count == 2) enter();
  if (strcmp(mode, "kill") == 0 && (count == 3 || count == 4)) kill_by_token(args[2], count == 4 ? args[3] : "TERM");
  if (strcmp(mode, "holder") == 0 && count == 3) tell_holder(args[2]);
  if (strcmp(mode, "census") == 0 && (count == 2 || count == 3)) take_census(count == 3 ? args[2] : NULL);
  die("usage: init sandbox | hold | enter | kill TOKEN [SIGNAL] | holder PORT | census [SECONDS.NANOSECONDS]");
}
