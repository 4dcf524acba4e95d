/* The first program in every sandbox; see README.md. */
#ifndef AIRLOCK_INIT_H
#define AIRLOCK_INIT_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes as Docker's: 125 ours, 126 it cannot be run, 127 it was not found. */
enum { EXIT_OURS = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

#define MAGIC "AIRLOCK1 "

/* What the host says once the wall is proved: docs/formats.md, "The release frame". Points into one allocated body. */
struct frame {
  bool hold;
  const char *cwd;
  char **env;
  char **args;
};

/* Ends the process with EXIT_OURS and a message on stderr. */
void die(const char *what);

/* frame.c */
struct frame read_frame(void);

/* probe.c: writes the report as one line to a growing buffer and returns it. */
char *probe_wall(void);

/* names.c: gives the user of the sandbox a name, where the image is made for it. */
void name_user(void);

/* run.c */
void start_command(const struct frame *frame) __attribute__((noreturn));
void run_as_init(char **args) __attribute__((noreturn));
void hold_as_init(void) __attribute__((noreturn));
void kill_by_token(const char *token, const char *signal) __attribute__((noreturn));

/* holder.c: says which program connects from a local port. */
void tell_holder(const char *port) __attribute__((noreturn));

/* census.c: never returns; ends when the host closes the stream. NULL: the root cannot be written. */
void take_census(const char *root_since) __attribute__((noreturn));

/* terminal.c: while the host and init talk, the terminal neither echoes nor translates. */
void quiet_terminal(void);
void restore_terminal(void);

/* text.c: a growing text with JSON escaping. */
struct text {
  char *data;
  size_t length, capacity;
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_json(struct text *text, const char *bytes, size_t length);

#endif
