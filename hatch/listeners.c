#define _GNU_SOURCE
#include "hatch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, AT_ONCE = 64 };

struct listener {
  struct source source;
  uint16_t port;
  enum open_kind kind;
};

static struct listener listeners[MAX_PORTS + 1];
static size_t listener_count;
static bool paused, none;

int listen_on(uint32_t address, uint16_t port, int type) {
  int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int yes = 1;
  /* A hatch that replaces one that died finds its ports in TIME_WAIT. */
  if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  if (bind(fd, (struct sockaddr *)&place, sizeof place) == 0 && (type != SOCK_STREAM || listen(fd, BACKLOG) == 0)) return fd;
  close(fd);
  return -1;
}

/* Closes with a reset: the program is told at once that nothing is there. */
static void refuse(int fd) {
  struct linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

static void take_connection(const struct listener *listener, int fd, const struct sockaddr_in *peer) {
  struct sockaddr_in local;
  socklen_t length = sizeof local;
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  uint16_t peer_port = ntohs(peer->sin_port);
  if (listener->kind != DIRECT) {
    stream_open(fd, listener->kind, NULL, 0, peer_port);
    return;
  }
  bool known = getsockname(fd, (struct sockaddr *)&local, &length) == 0;
  struct name *name = known ? name_at(ntohl(local.sin_addr.s_addr)) : NULL;
  if (name == NULL) refuse(fd);
  else stream_open(fd, DIRECT, name, listener->port, peer_port);
}

static void on_connection(struct source *source, uint32_t events) {
  (void)events;
  for (int i = 0; i < AT_ONCE; i++) {
    /* Who comes when all streams are taken waits in the backlog. */
    if (streams_full() || !wire_has_room(MAX_NAME + 8)) {
      paused = true;
      change_source(source, 0);
      return;
    }
    struct sockaddr_in peer = {0};
    socklen_t length = sizeof peer;
    int fd = accept4(source->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) take_connection((struct listener *)source, fd, &peer);
    else if (errno == EAGAIN) return;
    else if (errno != EINTR && errno != ECONNABORTED) {
      /* No descriptors or no memory: what there is must first be closed. */
      paused = true;
      change_source(source, 0);
      return;
    }
  }
}

void listeners_resume(void) {
  if (!paused || streams_full()) return;
  paused = false;
  for (size_t i = 0; i < listener_count; i++) change_source(&listeners[i].source, EPOLLIN);
}

/* What is meant for a name listens on every address that stands for one; what is meant for the hatch itself on its own alone. */
static bool start_one(uint16_t port, enum open_kind kind) {
  uint32_t address = kind == DIRECT ? INADDR_ANY : INADDR_LOOPBACK;
  int fd = listen_on(address, port, SOCK_STREAM);
  if (fd < 0) return false;
  struct listener *listener = &listeners[listener_count++];
  *listener = (struct listener){{on_connection, fd}, port, kind};
  watch_source(&listener->source, EPOLLIN);
  return true;
}

void listeners_prepare(bool forward_only) { none = forward_only; }

static enum open_kind kind_of(uint16_t port) {
  if (port == PORT_GATEWAY) return GATEWAY;
  return port == PORT_HOOK ? HOOK : DIRECT;
}

void listeners_start(const uint8_t *setup, size_t length) {
  if (length < 2 || setup[0] != WIRE_VERSION || setup[1] > MAX_PORTS || length != 2 + 2 * (size_t)setup[1]) die("the set-up is garbled");
  uint8_t answer[2 + 2 * (MAX_PORTS + 2)] = {WIRE_VERSION, 0};
  for (int i = 0; i < setup[1] + 2 && !none; i++) {
    uint16_t port = i < setup[1] ? read_u16(setup + 2 + 2 * i) : i == setup[1] ? PORT_PROXY : PORT_RESOLVER;
    bool started = i < setup[1]    ? start_one(port, kind_of(port))
                   : i == setup[1] ? start_one(port, PROXY)
                                   : resolver_start();
    if (!started) write_u16(answer + 2 + 2 * answer[1]++, port);
  }
  wire_send(READY, 0, answer, 2 + 2 * (size_t)answer[1]);
}
