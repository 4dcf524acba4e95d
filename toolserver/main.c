#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { MAX_POLLED = 3 + MAX_JOBS * 4, IDLE_MS = 1 };
enum role { FROM_HOST, TO_HOST, CHILDREN, CONTROL, PIPE_OUT, PIPE_ERR, STATUS };

static struct pollfd polled[MAX_POLLED];
static struct { enum role role; struct job *job; } owners[MAX_POLLED];
static nfds_t count;

void die(const char *what) {
  fprintf(stderr, "airlock toolserver: %s\n", what);
  exit(1);
}

static void want(int fd, short events, enum role role, struct job *job) {
  polled[count] = (struct pollfd){.fd = fd, .events = events};
  owners[count].role = role;
  owners[count++].job = job;
}

static void want_job(struct job *job) {
  want(job->control, POLLIN, CONTROL, job);
  for (int stream = 0; stream < 2; stream++)
    if (job->pipes[stream] >= 0 && (job->call == NULL || call_wants(job->call, stream)))
      want(job->pipes[stream], POLLIN, stream == 0 ? PIPE_OUT : PIPE_ERR, job);
  if (job->script_fd >= 0) want(job->script_fd, POLLIN | (job->script != NULL ? POLLOUT : 0), STATUS, job);
}

static void collect(int children) {
  count = 0;
  /* What the host asks may want an answer: while none can leave, nothing more is read. */
  if (wire_has_room(MAX_DATA)) want(STDIN_FILENO, POLLIN, FROM_HOST, NULL);
  if (wire_is_waiting()) want(STDOUT_FILENO, POLLOUT, TO_HOST, NULL);
  want(children, POLLIN, CHILDREN, NULL);
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
    if (jobs[i].is_used) want_job(&jobs[i]);
}

static void serve(const struct pollfd *ready, enum role role, struct job *job) {
  struct signalfd_siginfo info;
  if (job != NULL && !job->is_used) return;
  if (role == FROM_HOST) wire_input();
  else if (role == TO_HOST) wire_flush();
  else if (role == CHILDREN) {
    if (read(ready->fd, &info, sizeof info) > 0) jobs_reap();
  } else if (role == CONTROL) job_read_control(job);
  else if (role == STATUS) {
    if (ready->revents & POLLOUT) job_write_script(job);
    if (ready->revents & ~POLLOUT) shell_read_status(job);
  } else if (job->pipes[role == PIPE_ERR] == ready->fd) job_read_pipe(job, role == PIPE_ERR);
}

int main(int arguments, char **args) {
  (void)args;
  if (arguments != 1) die("usage: toolserver");
  /* Not to be traced by what it starts, and no core. */
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  /* What a killed guard leaves comes here, to be killed. */
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  sigprocmask(SIG_BLOCK, &mask, NULL);
  int children = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  if (children < 0) die("cannot watch for ended processes");
  jobs_start();
  wire_start();
  for (;;) {
    collect(children);
    int ready = poll(polled, count, spare_is_wanted() ? IDLE_MS : -1);
    if (ready < 0 && errno != EINTR) die("cannot poll");
    if (ready == 0) spare_make();
    for (nfds_t i = 0; ready > 0 && i < count; i++)
      if (polled[i].revents != 0) serve(&polled[i], owners[i].role, owners[i].job);
    do {
      calls_pump();
      wire_flush();
    } while (calls_wait_for_room() && wire_has_room(MAX_DATA + MAX_ANSWER + HEADER_BYTES));
  }
}
