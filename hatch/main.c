#define _GNU_SOURCE
#include "hatch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MAX_EVENTS = 256 };

static int poller = -1;

void die(const char *what) {
  fprintf(stderr, "airlock hatch: %s\n", what);
  exit(1);
}

void watch_source(struct source *source, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, source->fd, &event) != 0) die("cannot watch a descriptor");
}

void change_source(struct source *source, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(poller, EPOLL_CTL_MOD, source->fd, &event) != 0) die("cannot watch a descriptor");
}

int main(int count, char **args) {
  /* The only words of these that programs of the sandbox's say, as themselves. */
  if ((count == 3 || count == 4) && strcmp(args[1], "hook") == 0) hook_run(args[2], count == 4 ? args[3] : "");
  if (count == 2 && strcmp(args[1], "credentials") == 0) {
    credentials_print();
    return 0;
  }
  bool forward_only = count == 2 && strcmp(args[1], "forward") == 0;
  bool trusts = count == 3 && strcmp(args[1], "trust") == 0;
  if (count != 1 && !forward_only && !trusts) die("usage: hatch [forward | trust CERTIFICATE | credentials | hook AGENT [EVENT]]");
  /* Not to be traced, and no core: a sandbox whose agent has a capability shall not read what passes here. */
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN);
  /* Before READY: what runs next finds them there. */
  if (trusts) trust_write(args[2]);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die("cannot poll");
  names_start();
  listeners_prepare(forward_only);
  wire_start();
  struct epoll_event events[MAX_EVENTS];
  for (;;) {
    int ready = epoll_wait(poller, events, MAX_EVENTS, streams_waiting() && wire_has_room(MAX_DATA) ? 0 : -1);
    for (int i = 0; i < ready; i++) {
      struct source *source = events[i].data.ptr;
      source->on_event(source, events[i].events);
    }
    streams_pump();
    wire_flush();
  }
}
