#define _GNU_SOURCE
#include "toolserver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 250, MAX_PROCESSES = 65536 };

struct process {
  pid_t pid, parent;
  bool is_ours;
};

static bool read_parent(const char *name, struct process *process) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%.20s/stat", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  /* A command's name may hold anything, parentheses too: the last one ends it. */
  char *end = strrchr(text, ')'), state;
  int parent;
  if (end == NULL || sscanf(end + 1, " %c %d", &state, &parent) != 2 || state == 'Z') return false;
  *process = (struct process){.pid = (pid_t)atoi(name), .parent = parent};
  return process->pid > 0;
}

static size_t read_processes(struct process *list, size_t most) {
  DIR *proc = opendir("/proc");
  if (proc == NULL) return 0;
  size_t count = 0;
  for (struct dirent *entry; count < most && (entry = readdir(proc)) != NULL;)
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_parent(entry->d_name, &list[count])) count++;
  closedir(proc);
  return count;
}

static bool is_among(pid_t pid, const pid_t *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (list[i] == pid) return true;
  return false;
}

static bool parent_is_ours(const struct process *list, size_t count, pid_t parent, pid_t self) {
  if (parent == self) return true;
  for (size_t i = 0; i < count; i++)
    if (list[i].pid == parent) return list[i].is_ours;
  return false;
}

bool kill_descendants(const pid_t *but, size_t excluded) {
  static struct process list[MAX_PROCESSES];
  size_t count = read_processes(list, MAX_PROCESSES);
  pid_t self = getpid();
  bool found = false;
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < count; i++) {
      if (list[i].is_ours || list[i].pid == self || is_among(list[i].pid, but, excluded)) continue;
      if (!parent_is_ours(list, count, list[i].parent, self)) continue;
      list[i].is_ours = more = found = true;
      kill(list[i].pid, SIGKILL);
    }
  }
  return found;
}

/* Whoever loses its parent becomes a child of this process: when it has none, nothing is left. */
static void kill_all(void) {
  for (;;) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid < 0 && errno == ECHILD) return;
    if (pid > 0) continue;
    kill_descendants(NULL, 0);
    usleep(500);
  }
}

static void report_end(int status) {
  if (WIFSIGNALED(status)) done("signal=%d%c", WTERMSIG(status), '\0');
  done("exit=%d%c", WEXITSTATUS(status), '\0');
}

static void end_all(int status) {
  kill_all();
  report_end(status);
}

/* True when the main child ended, whose status is then set. */
static bool reap_main(pid_t main_child, int *status) {
  int each;
  bool ended = false;
  for (pid_t pid; (pid = waitpid(-1, &each, WNOHANG)) > 0;)
    if (pid == main_child) {
      *status = each;
      ended = true;
    }
  return ended;
}

/* Waits for the command, or for the server's word that it shall end; the server's end is such a word, too. */
static void watch(pid_t child, int ended) {
  int status = SIGKILL, grace = -1;
  for (;;) {
    struct pollfd polled[2] = {{.fd = ended, .events = POLLIN}, {.fd = grace < 0 ? CONTROL_FD : -1, .events = POLLIN}};
    int ready = poll(polled, 2, grace);
    if (ready < 0 && errno != EINTR) end_all(status);
    struct signalfd_siginfo info;
    if (ready > 0 && polled[0].revents != 0 && read(ended, &info, sizeof info) > 0 && reap_main(child, &status)) end_all(status);
    if (ready == 0) end_all(SIGKILL);
    if (ready > 0 && polled[1].revents != 0) {
      char word;
      if (read(CONTROL_FD, &word, 1) <= 0) end_all(SIGKILL);
      kill(-child, SIGTERM);
      kill(-child, SIGCONT);
      grace = GRACE_MS;
    }
  }
}

static const char *find_shell(void) {
  if (access("/bin/bash", X_OK) == 0) return "/bin/bash";
  if (access("/bin/sh", X_OK) == 0) return "/bin/sh";
  failed("ENOSHELL", "the image has neither /bin/bash nor /bin/sh");
}

static void enter_folder(const struct call *call) {
  const char *cwd = record_text(call->records, "cwd", NULL);
  if (cwd == NULL) return;
  int folder = open_beneath(cwd, O_PATH | O_DIRECTORY);
  if (folder < 0 || fchdir(folder) != 0) failed_errno("cannot enter the folder");
  close(folder);
  setenv("PWD", cwd, 1);
}

static void lay_environment(const struct call *call) {
  const char *entry;
  for (unsigned i = 0; (entry = record_nth(call->records, "env", i)) != NULL; i++) {
    const char *equals = strchr(entry, '=');
    if (equals == NULL || equals == entry || putenv(strdup(entry)) != 0) failed("EINVAL", "a variable has no name");
  }
}

/* Executes a shell in the folder of a call; with its command it runs that and ends, else it waits for scripts. */
static void execute(const struct call *call, bool has_command) {
  const char *path = find_shell();
  bool is_bash = strcmp(path, "/bin/bash") == 0;
  char bash[] = "bash", sh[] = "sh", option[] = "-c", no_rc[] = "--norc", no_profile[] = "--noprofile";
  if (has_command) lay_environment(call);
  enter_folder(call);
  char *command = has_command ? strdup(record_text(call->records, "command", "")) : NULL;
  char *once[] = {is_bash ? bash : sh, option, command, NULL};
  char *kept[] = {is_bash ? bash : sh, is_bash ? no_rc : NULL, no_profile, NULL};
  execv(path, has_command ? once : kept);
  failed_errno("cannot start the shell");
}

static void execute_command(const struct call *call) { execute(call, true); }

static void execute_shell(const struct call *call) { execute(call, false); }

static bool read_whole(void *to, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t got = read(STDIN_FILENO, (char *)to + at, length - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += (size_t)got;
  }
  return true;
}

/* Waits for the call. This process cannot be traced before it executes the shell: what an earlier command left could not reach into it. */
static void execute_awaited(const struct call *none) {
  (void)none;
  struct call call = {.operation = RUN};
  if (!read_whole(&call.records.length, sizeof call.records.length)) _exit(1);
  char *body = malloc(call.records.length);
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (body == NULL || null < 0) failed_errno("cannot take the command");
  if (!read_whole(body, call.records.length) || dup2(null, STDIN_FILENO) < 0) _exit(1);
  call.records.data = body;
  execute(&call, true);
}

/* The child has the control socket until it executes the shell, to say why it cannot. */
static void run_guarded(const struct call *call, void (*work)(const struct call *call)) {
  sigset_t mask, none;
  sigemptyset(&none);
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  int ended = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  if (ended < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) failed_errno("cannot watch over a command");
  pid_t child = fork();
  if (child < 0) failed_errno("cannot start a process");
  if (child == 0) {
    setsid();
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    work(call);
    _exit(1);
  }
  /* The reader of the command's output shall see its end. */
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
  watch(child, ended);
  _exit(1);
}

void guard_command(const struct call *call) {
  run_guarded(call, execute_command);
  _exit(1);
}

void guard_shell(const struct call *call) {
  run_guarded(call, execute_shell);
  _exit(1);
}

void guard_spare(const struct call *none) {
  run_guarded(none, execute_awaited);
  _exit(1);
}
