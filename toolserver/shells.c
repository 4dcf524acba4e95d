#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t clock_of_use;

static struct job *find_shell(const char *name) {
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
    if (jobs[i].is_used && strcmp(jobs[i].shell, name) == 0) return &jobs[i];
  return NULL;
}

/* Room for one more, made by the one that was idle for longest. */
static bool make_room(void) {
  size_t count = 0;
  struct job *oldest = NULL;
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
    if (!jobs[i].is_used || jobs[i].shell[0] == '\0') continue;
    count++;
    if (jobs[i].call == NULL && (oldest == NULL || jobs[i].last_use < oldest->last_use)) oldest = &jobs[i];
  }
  if (count < MAX_SHELLS) return true;
  if (oldest == NULL) return false;
  job_drop(oldest);
  return true;
}

static void add_quoted(char **at, const char *text) {
  *(*at)++ = '\'';
  for (; *text != '\0'; text++) {
    if (*text == '\'') *at = stpcpy(*at, "'\\''");
    else *(*at)++ = *text;
  }
  *(*at)++ = '\'';
}

/*
 * The shell reads its script from one end of a socket pair, and answers on the same descriptor what the command ended with.
 * The command has neither: its input is empty, and what a shell saves of a descriptor is closed in what it starts.
 */
static void make_script(struct job *job, const char *command, const char *cwd) {
  char *script = malloc(4 * (strlen(command) + (cwd == NULL ? 0 : strlen(cwd))) + 128), *at = script;
  if (script == NULL) die("out of memory");
  if (cwd != NULL) {
    at = stpcpy(at, "cd -- ");
    add_quoted(&at, cwd);
    at = stpcpy(at, " && ");
  }
  at = stpcpy(at, "eval ");
  add_quoted(&at, command);
  at = stpcpy(at, " </dev/null\nprintf '%d\\n' \"$?\" >&0\n");
  job->script = script;
  job->script_at = 0;
  job->script_length = (size_t)(at - script);
}

/* What a background process wrote since the last command belongs to nobody. */
static void empty_pipes(struct job *job) {
  char dropped[4096];
  for (int stream = 0; stream < 2; stream++)
    for (int rounds = 0; rounds < 64 && job->pipes[stream] >= 0; rounds++)
      if (read(job->pipes[stream], dropped, sizeof dropped) <= 0) break;
}

void shell_begin(struct call *call) {
  const char *name = record_text(call->records, "shell", ""), *cwd = record_text(call->records, "cwd", NULL);
  size_t length = strlen(name);
  if (length == 0 || length > MAX_NAME) return call_fail(call, "EINVAL", "a kept shell needs a name of at most 64 bytes");
  struct job *job = find_shell(name);
  if (job != NULL && job->call != NULL) return call_fail(call, "EBUSY", "the kept shell is at work");
  if (job == NULL) {
    if (!make_room()) return call_fail(call, "EAGAIN", "all kept shells are at work");
    job = job_start(call, guard_shell, true);
    if (job == NULL) return call_fail(call, strerrorname_np(errno), "cannot start a process");
    memcpy(job->shell, name, length + 1);
  } else empty_pipes(job);
  job->call = call;
  job->last_use = ++clock_of_use;
  job->status_length = 0;
  call->job = job;
  call->state = IN_RUN;
  make_script(job, record_text(call->records, "command", ""), cwd);
  job_write_script(job);
}

static void take_status(struct job *job) {
  job->status[job->status_length] = '\0';
  char *end, answer[64];
  long status = strtol(job->status, &end, 10);
  job->status_length = 0;
  /* Nobody but our script writes there, unless the command reached into the shell. */
  if (*end != '\0' || end == job->status || status < 0 || status > 255 || job->call == NULL) {
    job_cancel(job);
    return;
  }
  int length = snprintf(answer, sizeof answer, "exit=%ld", status);
  call_end(job->call, DONE, answer, (size_t)length + 1);
}

void shell_read_status(struct job *job) {
  char c;
  for (;;) {
    ssize_t got = read(job->script_fd, &c, 1);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      close(job->script_fd);
      job->script_fd = -1;
      return;
    }
    if (c == '\n') return take_status(job);
    if (job->status_length < sizeof job->status - 1) job->status[job->status_length++] = c;
  }
}
