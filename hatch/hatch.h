/* The sandbox's end of the wire; see README.md and docs/wire.md. */
#ifndef AIRLOCK_HATCH_H
#define AIRLOCK_HATCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

enum {
  WIRE_VERSION = 1,
  HEADER_BYTES = 8,
  MAX_DATA = 65536,
  MAX_NAME = 253,
  MAX_REASON = 512,
  MAX_PORTS = 64,
  MAX_STREAMS = 512,
  FIRST_CREDIT = 262144,
  /* What a stream that proved busy is given on top, once. */
  MORE_CREDIT = 786432,
  PORT_RESOLVER = 53,
  PORT_PROXY = 3128,
  PORT_GATEWAY = 3129,
  PORT_HOOK = 3130,
};

enum frame_type { SETUP = 1, READY, OPEN, ACCEPTED, REFUSED, DATA, END, RESET, WINDOW };
enum open_kind { DIRECT = 1, PROXY, FORWARD, GATEWAY, HOOK };

/* What an epoll event leads to: the first field of everything that has a descriptor. */
struct source {
  void (*on_event)(struct source *source, uint32_t events);
  int fd;
};

/* main.c */
void die(const char *what) __attribute__((noreturn));
void watch_source(struct source *source, uint32_t events);
void change_source(struct source *source, uint32_t events);

/* wire.c */
void wire_start(void);
void wire_flush(void);
/* Room for a frame with this much payload; control frames always find some, because nothing is read while there is little. */
bool wire_has_room(size_t payload);
void wire_send(enum frame_type type, uint32_t id, const void *payload, size_t length);
/* For DATA without a copy: fill the place, then commit what was filled. */
uint8_t *wire_place(void);
void wire_commit_data(uint32_t id, size_t length);
uint16_t read_u16(const uint8_t *at);
uint32_t read_u32(const uint8_t *at);
void write_u16(uint8_t *at, uint16_t value);
void write_u32(uint8_t *at, uint32_t value);

/* names.c */
struct name {
  char text[MAX_NAME + 1];
  uint32_t generation, uses;
  struct name *chain, *older, *newer;
};
void names_start(void);
/* The address that stands for a name, in host byte order; the name is taken for the last one used. */
uint32_t name_address(const char *text);
/* The name behind an address, or NULL. */
struct name *name_at(uint32_t address);

/* streams.c */
void stream_open(int fd, enum open_kind kind, struct name *name, uint16_t port, uint16_t peer_port);
bool streams_full(void);
void streams_pump(void);
bool streams_waiting(void);
void stream_frame(enum frame_type type, uint32_t id, const uint8_t *payload, size_t length);

/* listeners.c: binds what SETUP asks for and answers READY; nothing at all for a wire that only forwards. */
void listeners_prepare(bool forward_only);
void listeners_start(const uint8_t *setup, size_t length);
void listeners_resume(void);
int listen_on(uint32_t address, uint16_t port, int type);

/* hook.c: the other end of the wire's hooks, which an agent starts; it is no part of the resident hatch. */
void hook_run(const char *agent_name, const char *event_name) __attribute__((noreturn));

/* resolver.c */
bool resolver_start(void);

/* trust.c */
void trust_write(const char *authority);

/* credentials.c */
void credentials_print(void);

/* denied.c */
void denied_add(const uint8_t *reason, size_t length);

#endif
