#define _GNU_SOURCE
#include "init.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Replaces this process with the command: in its folder, with its environment, found by its own PATH. */
void start_command(const struct frame *frame) {
  if (chdir(frame->cwd) != 0) {
    fprintf(stderr, "airlock: cannot enter the folder %s: %s\n", frame->cwd, strerror(errno));
    exit(EXIT_CANNOT_RUN);
  }
  execvp(frame->args[0], frame->args);
  int reason = errno;
  fprintf(stderr, "airlock: cannot run %s: %s\n", frame->args[0], strerror(reason));
  exit(reason == ENOENT || reason == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static void reset_signals(const sigset_t *mask) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The command gets a process group of its own, and the terminal if there is one, so that job control works in it. */
static pid_t fork_command(char **args, const sigset_t *before) {
  pid_t child = fork();
  if (child < 0) die("cannot fork");
  if (child > 0) return child;
  setpgid(0, 0);
  tcsetpgrp(STDIN_FILENO, getpgrp());
  reset_signals(before);
  execvp(args[0], args);
  int reason = errno;
  fprintf(stderr, "airlock: cannot run %s: %s\n", args[0], strerror(reason));
  _exit(reason == ENOENT || reason == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* Collects every child that has ended; true when the main one is among them, whose exit code is then set. Ctrl-Z in a
 * command that no shell started would stop it for good: there is nobody to bring it back, so it goes on at once. */
static bool reap(pid_t main_child, int *code) {
  bool ended = false;
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
    if (pid != main_child) continue;
    if (WIFSTOPPED(status)) {
      if (WSTOPSIG(status) == SIGTSTP) kill(-main_child, SIGCONT);
      continue;
    }
    ended = true;
    *code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return ended;
}

/* As PID 1: passes signals on, collects what ends, and ends as the command ends, which ends the whole sandbox. */
void run_as_init(char **args) {
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  sigemptyset(&before);
  pid_t child = fork_command(args, &before);
  int code = EXIT_OURS;
  for (;;) {
    int number = sigwaitinfo(&all, NULL);
    if (number == SIGCHLD) {
      if (reap(child, &code)) exit(code);
    } else if (number > 0 && number != SIGTTIN && number != SIGTTOU && number != SIGTSTP) {
      /* To the command itself when it leads no group any more. */
      if (kill(-child, number) != 0) kill(child, number);
    }
  }
}

/* As PID 1 without a command: collects what execs leave, until it is told to end. */
void hold_as_init(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  for (;;) {
    int number = sigwaitinfo(&all, NULL);
    if (number == SIGCHLD) while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    else if (number == SIGTERM || number == SIGINT) exit(0);
  }
}

static bool has_token(const char *pid, const char *wanted) {
  char path[64], *line = NULL;
  snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  size_t capacity = 0;
  bool found = false;
  while (!found && getdelim(&line, &capacity, '\0', file) > 0) found = strcmp(line, wanted) == 0;
  free(line);
  fclose(file);
  return found;
}

static int signal_all(const char *wanted, int number) {
  DIR *proc = opendir("/proc");
  if (proc == NULL) die("cannot read /proc");
  int count = 0;
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid <= 1 || pid == getpid() || !has_token(entry->d_name, wanted)) continue;
    count += kill(pid, number) == 0;
  }
  closedir(proc);
  return count;
}

static int signal_number(const char *name) {
  for (int number = 1; number < NSIG; number++) {
    const char *abbreviation = sigabbrev_np(number);
    if (abbreviation != NULL && strcmp(abbreviation, name) == 0) return number;
  }
  die("no such signal");
  return 0;
}

/* Signals every process that was started with this token in its environment, its children included. For SIGKILL it looks
 * again until nothing is left, so that what was forked meanwhile does not escape. */
void kill_by_token(const char *token, const char *signal) {
  char wanted[300];
  snprintf(wanted, sizeof wanted, "AIRLOCK_EXEC=%.250s", token);
  int number = signal_number(signal);
  int rounds = number == SIGKILL ? 50 : 1;
  while (rounds-- > 0 && signal_all(wanted, number) > 0) usleep(2000);
  exit(0);
}
