#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 18, HIGH_FD = 64, STRAY_ROUNDS = 50 };

struct job jobs[MAX_JOBS];
static uint8_t scratch[MAX_DATA];
static uint64_t clock_of_use;

void jobs_start(void) {
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) jobs[i].control = jobs[i].pipes[0] = jobs[i].pipes[1] = jobs[i].script_fd = -1;
}

static void close_end(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* The ends of a job, ours first. */
struct ends {
  int control[2], out[2], err[2], script[2];
};

static void close_ends(struct ends *ends) {
  for (int side = 0; side < 2; side++) {
    close_end(&ends->control[side]);
    close_end(&ends->out[side]);
    close_end(&ends->err[side]);
    close_end(&ends->script[side]);
  }
}

static bool make_ends(struct ends *ends, bool has_script) {
  *ends = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->control) == 0 && pipe2(ends->out, O_CLOEXEC) == 0 &&
      pipe2(ends->err, O_CLOEXEC) == 0 &&
      (!has_script || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->script) == 0)) {
    fcntl(ends->out[0], F_SETFL, O_NONBLOCK);
    fcntl(ends->err[0], F_SETFL, O_NONBLOCK);
    fcntl(ends->out[0], F_SETPIPE_SZ, PIPE_BYTES);
    if (has_script) fcntl(ends->script[0], F_SETFL, O_NONBLOCK);
    return true;
  }
  int reason = errno;
  close_ends(ends);
  errno = reason;
  return false;
}

static void close_from(int first) {
  if (close_range((unsigned)first, ~0U, 0) == 0) return;
  for (long fd = first, most = sysconf(_SC_OPEN_MAX); fd < most; fd++) close((int)fd);
}

static void place(int fd, int at) {
  if (dup2(fd, at) < 0) _exit(1);
}

/* In the child: nothing of the server stays open, least of all the ends of other jobs. */
static void enter_child(const struct ends *ends, int input) {
  int control = fcntl(ends->control[1], F_DUPFD, HIGH_FD), out = fcntl(ends->out[1], F_DUPFD, HIGH_FD);
  int err = fcntl(ends->err[1], F_DUPFD, HIGH_FD), from = ends->script[1] >= 0 ? ends->script[1] : input;
  from = from < 0 ? open("/dev/null", O_RDONLY) : fcntl(from, F_DUPFD, HIGH_FD);
  if (control < 0 || out < 0 || err < 0 || from < 0) _exit(1);
  place(from, STDIN_FILENO);
  place(out, STDOUT_FILENO);
  place(err, STDERR_FILENO);
  place(control, CONTROL_FD);
  fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
  close_from(CONTROL_FD + 1);
}

static bool has_guard(const struct call *call) { return call == NULL || call->operation == RUN || call->operation == SHELL; }

struct job *job_start(struct call *call, void (*work)(const struct call *call), bool has_script) {
  struct job *job = jobs;
  while (job < jobs + sizeof jobs / sizeof *jobs && job->is_used) job++;
  struct ends ends;
  if (job == jobs + sizeof jobs / sizeof *jobs || !make_ends(&ends, has_script)) return NULL;
  pid_t server = getpid(), pid = fork();
  if (pid == 0) {
    enter_child(&ends, call == NULL ? -1 : call->input);
    /* A guard ends by the end of its control socket, when all that it guards is gone; a file is written to its end. */
    if (!has_guard(call) && call->operation != WRITE) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != server) _exit(1);
    work(call);
    _exit(1);
  }
  if (pid < 0) {
    int reason = errno;
    close_ends(&ends);
    errno = reason;
    return NULL;
  }
  *job = (struct job){.is_used = true, .pid = pid, .control = ends.control[0], .pipes = {ends.out[0], ends.err[0]},
                      .call = call, .script_fd = ends.script[0], .last_use = ++clock_of_use};
  ends.control[0] = ends.out[0] = ends.err[0] = ends.script[0] = -1;
  close_ends(&ends);
  if (call != NULL) call->job = job;
  return job;
}

void job_cancel(struct job *job) {
  if (!has_guard(job->call)) {
    if (job->pid > 0) kill(job->pid, SIGKILL);
  } else if (job->control >= 0) {
    send(job->control, "c", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}

/* Its process may still be there for a moment, and finds its control socket closed. */
void job_drop(struct job *job) {
  close_end(&job->control);
  close_end(&job->pipes[0]);
  close_end(&job->pipes[1]);
  close_end(&job->script_fd);
  free(job->script);
  *job = (struct job){.control = -1, .pipes = {-1, -1}, .script_fd = -1};
}

void job_write_script(struct job *job) {
  if (job->script == NULL) return;
  ssize_t written = write(job->script_fd, job->script + job->script_at, job->script_length - job->script_at);
  /* A shell that has ended says so by its guard. */
  if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (written > 0) job->script_at += (size_t)written;
  if (written > 0 && job->script_at < job->script_length) return;
  free(job->script);
  job->script = NULL;
}

void job_read_pipe(struct job *job, int stream) {
  struct call *call = job == NULL ? NULL : job->call;
  size_t most = sizeof scratch;
  if (call != NULL && call->state == IN_END && call->left[stream] < most) most = call->left[stream];
  ssize_t got = job == NULL ? -1 : read(job->pipes[stream], scratch, most);
  if (got > 0) {
    /* Between two commands of a kept shell: nobody's. */
    if (call != NULL) call_take(call, stream, scratch, (size_t)got);
    return;
  }
  if (got < 0 && errno == EINTR) return;
  if (call != NULL) call->left[stream] = 0;
  if (job != NULL && (got == 0 || errno != EAGAIN)) close_end(&job->pipes[stream]);
}

static void kill_strays(void) {
  pid_t known[sizeof jobs / sizeof *jobs];
  size_t count = 0;
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
    if (jobs[i].is_used && jobs[i].pid > 0) known[count++] = jobs[i].pid;
  for (int round = 0; round < STRAY_ROUNDS && kill_descendants(known, count); round++) {
    usleep(500);
    jobs_reap();
  }
}

/* The job's own end: its last words, or none when it was killed. */
static void end_job(struct job *job, const char *words, ssize_t length) {
  close_end(&job->control);
  bool is_kept = job->shell[0] != '\0';
  struct call *call = job->call;
  if (length > 0 && call != NULL && words[0] == FAILED) call_end(call, FAILED, words + 1, (size_t)length - 1);
  else if (length > 0 && call != NULL) {
    char answer[MAX_ANSWER];
    memcpy(answer, words + 1, (size_t)length - 1);
    size_t end = (size_t)length - 1;
    if (is_kept) memcpy(answer + end, "ended=1", 8);
    call_end(call, DONE, answer, is_kept ? end + 8 : end);
  } else if (call != NULL) {
    if (call->is_cancelled && !has_guard(call)) call_end(call, DONE, "signal=9", 9);
    else call_fail(call, "EIO", "the process that did this was killed");
  }
  if (length <= 0 && has_guard(call)) kill_strays();
  if (call == NULL) job_drop(job);
  /* Dropped with the call, once its pipes are read. */
  else job->shell[0] = '\0';
}

void job_read_control(struct job *job) {
  char words[MAX_ANSWER - 512];
  ssize_t got = recv(job->control, words, sizeof words, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  end_job(job, words, got);
}

void jobs_reap(void) {
  for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;) {
    struct job *found = NULL;
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs && found == NULL; i++)
      if (jobs[i].is_used && jobs[i].pid == pid) found = &jobs[i];
    if (found != NULL) found->pid = 0;
  }
}
