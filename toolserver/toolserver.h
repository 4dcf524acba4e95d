/* Runs tools in a sandbox; see README.md and docs/tool-protocol.md. */
#ifndef AIRLOCK_TOOLSERVER_H
#define AIRLOCK_TOOLSERVER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  PROTOCOL_VERSION = 1,
  HEADER_BYTES = 8,
  MAX_CALL = 196608,
  MAX_DATA = 65536,
  MAX_ANSWER = 8192,
  MAX_CALLS = 64,
  MAX_SHELLS = 16,
  MAX_JOBS = MAX_CALLS + MAX_SHELLS + 1,
  MAX_NAME = 64,
  INPUT_MOST = 64 << 20,
  MAX_HEAD = 8 << 20,
  MAX_TAIL = 1 << 20,
};

enum frame_type { CALL = 1, INPUT, GO, CANCEL, READY = 16, OUT, ERR, DONE, FAILED };
enum operation { RESOLVE = 1, READ, LINES, LIST, GLOB, GREP, WRITE, RUN, SHELL };

/* One stream of what a call answers: its beginning goes out at once, its end is kept in a ring. */
struct flow {
  uint64_t total;
  uint8_t *ring;
  size_t ring_start, ring_length;
};

/* `name=value` with a NUL after each; points into the call. */
struct records {
  const char *data;
  size_t length;
};

struct job;

struct call {
  uint32_t id;
  enum operation operation;
  enum { IN_WAIT, IN_READY, IN_RUN, IN_END } state;
  char *body;
  struct records records;
  int input;
  size_t input_bytes, head, tail;
  struct flow flows[2];
  struct job *job;
  bool is_cancelled;
  /* In the end: how much may still be read of its pipes, and its last frame. */
  size_t left[2];
  enum frame_type last;
  char answer[MAX_ANSWER];
  size_t answer_length;
};

/* A process of ours that does a call's work: a worker, or the guard of a command. */
struct job {
  bool is_used;
  /* Made ahead; its call is still to come. */
  bool is_spare;
  pid_t pid;
  int control, pipes[2];
  struct call *call;
  char shell[MAX_NAME + 1];
  /* What its process reads before it begins, or a kept shell between its commands. */
  int script_fd;
  char *script;
  size_t script_at, script_length;
  char status[16];
  size_t status_length;
  uint64_t last_use;
};

/* main.c */
void die(const char *what) __attribute__((noreturn));

/* wire.c */
void wire_start(void);
void wire_input(void);
void wire_flush(void);
bool wire_has_room(size_t payload);
bool wire_is_waiting(void);
void wire_send(enum frame_type type, uint32_t id, const void *payload, size_t length);

/* records.c */
bool records_are_whole(struct records records);
/* The value of the record of that name, `skip` of them passed over; NULL: there is none. */
const char *record_nth(struct records records, const char *name, unsigned skip);
const char *record_text(struct records records, const char *name, const char *otherwise);
long long record_number(struct records records, const char *name, long long otherwise);

/* calls.c */
void call_frame(enum frame_type type, uint32_t id, const uint8_t *payload, size_t length);
void calls_pump(void);
/* Whether the pump has something to do that waits for room alone. */
bool calls_wait_for_room(void);
void call_end(struct call *call, enum frame_type last, const char *answer, size_t length);
void call_fail(struct call *call, const char *code, const char *text);
bool call_wants(const struct call *call, int stream);
void call_take(struct call *call, int stream, const uint8_t *bytes, size_t length);

/* jobs.c */
extern struct job jobs[MAX_JOBS];
void jobs_start(void);
/* Forks; NULL when that failed. In the child `work` runs with 0 the input, or what scripts are written to, 1 and 2 the pipes, 3 the control socket. */
struct job *job_start(struct call *call, void (*work)(const struct call *call), bool has_script);
void job_write_script(struct job *job);
void job_cancel(struct job *job);
void job_drop(struct job *job);
void job_read_pipe(struct job *job, int stream);
void job_read_control(struct job *job);
void jobs_reap(void);

/* shells.c */
void shell_begin(struct call *call);
void shell_read_status(struct job *job);

/* spare.c: a guard with its child, forked before there is a command for them. */
bool spare_is_wanted(void);
void spare_make(void);
/* Gives it the call; false when there is none. */
bool spare_take(struct call *call);

/* guard.c: in a process of its own. */
enum { CONTROL_FD = 3 };
void guard_command(const struct call *call) __attribute__((noreturn));
void guard_shell(const struct call *call) __attribute__((noreturn));
/* The call is read from the input, when there is one. */
void guard_spare(const struct call *none) __attribute__((noreturn));
/* Kills all that descends from this process, but for what descends from these; true when there was something. */
bool kill_descendants(const pid_t *but, size_t count);

/* worker.c: the ends of a worker, which are its last words. */
void done(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void failed(const char *code, const char *text) __attribute__((noreturn));
void failed_errno(const char *what) __attribute__((noreturn));
void put(const void *bytes, size_t length);
void put_text(const char *text);

/* paths.c */
bool resolve_path(const char *path, char real[PATH_MAX]);
/* Opens without following a link in any component. */
int open_beneath(const char *path, int flags);
/* The folder of a path, made when it is not there and `make` says so; `name` is what comes after. */
int open_parent(const char *path, bool make, const char **name);

/* files.c, walk.c, grep.c: what workers do. */
void work_read(const struct call *call);
void work_lines(const struct call *call);
void work_write(const struct call *call);
void work_list(const struct call *call);
void work_glob(const struct call *call);
void work_grep(const struct call *call);

/* walk.c */
struct found {
  int folder;
  const char *name, *below;
  unsigned char type;
  /* Whether a folder is gone into; the visitor may say no. */
  bool *descend;
};
/* Called for each entry in order; false ends the walk. */
typedef bool (*visitor)(const struct found *found);
bool walk(int folder, int depth, bool skip_usual, visitor visit);

/* match.c */
struct pattern {
  char *segments[64];
  size_t count;
};
/* Expands braces; at most 64 patterns. False: the pattern cannot be used. */
bool patterns_add(const char *text, struct pattern *patterns, size_t *count);
bool patterns_parse(const char *text, struct pattern *patterns, size_t *count);
bool patterns_match(const struct pattern *patterns, size_t count, const char *below);

/* regex.c: the usual dialect as POSIX's; NULL and a reason when it has what that cannot say. */
char *translate_regex(const char *text, bool *ignore_case, const char **reason);

#endif
