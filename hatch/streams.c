#define _GNU_SOURCE
#include "hatch.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUCKETS = 1024, SLOTS = 2 * MAX_STREAMS };

struct stream {
  struct source source;
  uint32_t id;
  struct stream *chain, *next;
  struct name *name;
  /* What the host sent and the program has not taken yet. */
  uint8_t *queue;
  size_t queue_start, queue_end, queue_size;
  /* How much the host still takes; how much the program took that the host was not told of. */
  uint32_t credit, taken;
  uint16_t port;
  bool in_use, pending, readable, connecting, tried_ipv6, boosted;
  /* What this side and the host are done with; `dropped`: the program is gone, what comes is thrown away. */
  bool sent_last, got_last, got_end, dropped;
};

static struct stream slots[SLOTS];
static struct stream *free_slots, *buckets[BUCKETS], *first_pending, **last_pending = &first_pending;
static size_t own_count, host_count, used_slots;
static uint32_t next_id = 1, last_host_id = 0;

static bool is_own(const struct stream *stream) { return stream->id % 2 == 1; }

static struct stream *find(uint32_t id) {
  struct stream *stream = buckets[id % BUCKETS];
  while (stream != NULL && stream->id != id) stream = stream->chain;
  return stream;
}

/* A slot's memory is never given back: an event that is still in the poller's batch finds a stream, if perhaps another one. */
static struct stream *take_slot(uint32_t id) {
  struct stream *stream = free_slots;
  if (stream != NULL) free_slots = stream->next;
  else if (used_slots < SLOTS) stream = &slots[used_slots++];
  else die("too many streams");
  *stream = (struct stream){.id = id, .in_use = true, .credit = FIRST_CREDIT, .source.fd = -1, .chain = buckets[id % BUCKETS]};
  buckets[id % BUCKETS] = stream;
  *(is_own(stream) ? &own_count : &host_count) += 1;
  return stream;
}

static void unlink_bucket(struct stream *stream) {
  struct stream **at = &buckets[stream->id % BUCKETS];
  while (*at != stream) at = &(*at)->chain;
  *at = stream->chain;
}

static void close_program(struct stream *stream, bool with_reset) {
  if (stream->source.fd < 0) return;
  struct linger now = {1, 0};
  if (with_reset) setsockopt(stream->source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(stream->source.fd);
  stream->source.fd = -1;
}

/* In the list of those that may have something to read it is forgotten when its turn comes. */
static void free_slot(struct stream *stream) {
  stream->next = free_slots;
  free_slots = stream;
}

static void forget(struct stream *stream, bool with_reset) {
  close_program(stream, with_reset);
  if (stream->name != NULL) stream->name->uses--;
  free(stream->queue);
  stream->queue = NULL;
  unlink_bucket(stream);
  *(is_own(stream) ? &own_count : &host_count) -= 1;
  stream->in_use = false;
  if (!stream->pending) free_slot(stream);
  listeners_resume();
}

static void add_pending(struct stream *stream) {
  if (stream->pending || !stream->readable || stream->credit == 0 || stream->sent_last) return;
  stream->pending = true;
  stream->next = NULL;
  *last_pending = stream;
  last_pending = &stream->next;
}

static bool queue_is_empty(const struct stream *stream) { return stream->queue_start == stream->queue_end; }

/* Over once both sides are done and the program has everything. */
static void forget_if_over(struct stream *stream) {
  if (stream->sent_last && stream->got_last && (stream->dropped || queue_is_empty(stream))) forget(stream, false);
}

/* The program went away: the host is told, and what it still sends is dropped until it has answered. */
static void drop_program(struct stream *stream) {
  bool tell = !stream->got_last || !stream->sent_last;
  if (tell) wire_send(RESET, stream->id, NULL, 0);
  stream->sent_last = stream->dropped = true;
  close_program(stream, true);
  forget_if_over(stream);
}

static void report_taken(struct stream *stream, size_t length) {
  stream->taken += (uint32_t)length;
  if (stream->taken < FIRST_CREDIT / 4 || stream->got_last) return;
  uint8_t credit[4];
  /* A stream that took a quarter of its window is busy: with more on the way it does not wait for the host's answer. */
  write_u32(credit, stream->taken + (stream->boosted ? 0 : MORE_CREDIT));
  stream->boosted = true;
  stream->taken = 0;
  wire_send(WINDOW, stream->id, credit, sizeof credit);
}

/* False when the program is gone and the stream with it. */
static bool push_queue(struct stream *stream) {
  while (!queue_is_empty(stream)) {
    ssize_t sent = send(stream->source.fd, stream->queue + stream->queue_start, stream->queue_end - stream->queue_start, 0);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return true;
    if (sent < 0) {
      drop_program(stream);
      return false;
    }
    stream->queue_start += (size_t)sent;
    report_taken(stream, (size_t)sent);
  }
  free(stream->queue);
  stream->queue = NULL;
  stream->queue_start = stream->queue_end = stream->queue_size = 0;
  if (stream->got_end) shutdown(stream->source.fd, SHUT_WR);
  if (!stream->sent_last || !stream->got_last) return true;
  forget(stream, false);
  return false;
}

static void enqueue(struct stream *stream, const uint8_t *bytes, size_t length) {
  if (stream->queue_end + length > stream->queue_size) {
    size_t held = stream->queue_end - stream->queue_start;
    /* The host keeps to the credit, so no queue is larger than all of it. */
    if (held + length > FIRST_CREDIT + MORE_CREDIT) die("the host sent more than it was allowed");
    size_t size = held + length < MAX_DATA ? 2 * MAX_DATA : 2 * (held + length);
    uint8_t *queue = malloc(size);
    if (queue == NULL) die("out of memory");
    if (held > 0) memcpy(queue, stream->queue + stream->queue_start, held);
    free(stream->queue);
    stream->queue = queue;
    stream->queue_size = size;
    stream->queue_start = 0;
    stream->queue_end = held;
  }
  memcpy(stream->queue + stream->queue_end, bytes, length);
  stream->queue_end += length;
}

static void take_data(struct stream *stream, const uint8_t *bytes, size_t length) {
  if (stream->dropped) return;
  if (queue_is_empty(stream) && !stream->connecting) {
    ssize_t sent = send(stream->source.fd, bytes, length, 0);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      drop_program(stream);
      return;
    }
    if (sent > 0) {
      bytes += sent;
      length -= (size_t)sent;
      report_taken(stream, (size_t)sent);
    }
  }
  if (length > 0) enqueue(stream, bytes, length);
}

static void watch_program(struct stream *stream, int fd);

static void connect_inside(struct stream *stream) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(stream->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(stream->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  bool ipv6 = stream->tried_ipv6;
  int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const struct sockaddr *place = ipv6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
  stream->connecting = true;
  if (fd >= 0 && (connect(fd, place, ipv6 ? sizeof v6 : sizeof v4) == 0 || errno == EINPROGRESS)) {
    watch_program(stream, fd);
    return;
  }
  if (fd >= 0) close(fd);
  static const char reason[] = "nothing listens there";
  wire_send(REFUSED, stream->id, reason, sizeof reason - 1);
  stream->sent_last = stream->dropped = true;
  forget_if_over(stream);
}

/* Programs that listen on `localhost` may have taken its IPv6 form only. */
static bool finish_connecting(struct stream *stream) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(stream->source.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) {
    stream->connecting = false;
    wire_send(ACCEPTED, stream->id, NULL, 0);
    if (stream->got_end && queue_is_empty(stream)) shutdown(stream->source.fd, SHUT_WR);
    return true;
  }
  close_program(stream, false);
  if (!stream->tried_ipv6) {
    stream->tried_ipv6 = true;
    connect_inside(stream);
    return false;
  }
  static const char reason[] = "nothing listens there";
  wire_send(REFUSED, stream->id, reason, sizeof reason - 1);
  stream->sent_last = stream->dropped = true;
  forget_if_over(stream);
  return false;
}

static void on_program(struct source *source, uint32_t events) {
  struct stream *stream = (struct stream *)source;
  if (!stream->in_use || source->fd < 0) return;
  if (stream->connecting && !finish_connecting(stream)) return;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && !queue_is_empty(stream) && !push_queue(stream)) return;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
    stream->readable = true;
    add_pending(stream);
  }
}

static void watch_program(struct stream *stream, int fd) {
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  stream->source = (struct source){on_program, fd};
  watch_source(&stream->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

bool streams_full(void) { return own_count >= MAX_STREAMS; }
bool streams_waiting(void) { return first_pending != NULL; }

void stream_open(int fd, enum open_kind kind, struct name *name, uint16_t port, uint16_t peer_port) {
  if (next_id > 0x7ffffff0) die("all stream ids are used");
  struct stream *stream = take_slot(next_id);
  next_id += 2;
  stream->name = name;
  if (name != NULL) name->uses++;
  size_t length = name == NULL ? 0 : strlen(name->text);
  uint8_t payload[5 + MAX_NAME] = {(uint8_t)kind};
  write_u16(payload + 1, port);
  write_u16(payload + 3, peer_port);
  if (length > 0) memcpy(payload + 5, name->text, length);
  wire_send(OPEN, stream->id, payload, 5 + length);
  watch_program(stream, fd);
}

/* One frame of one stream; true when there may be more. */
static bool pump_once(struct stream *stream) {
  size_t most = stream->credit < MAX_DATA ? stream->credit : MAX_DATA;
  ssize_t got = recv(stream->source.fd, wire_place(), most, 0);
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && errno == EAGAIN) {
    stream->readable = false;
  } else if (got < 0) {
    drop_program(stream);
  } else if (got == 0) {
    stream->sent_last = true;
    wire_send(END, stream->id, NULL, 0);
    forget_if_over(stream);
  } else {
    wire_commit_data(stream->id, (size_t)got);
    stream->credit -= (uint32_t)got;
    return stream->credit > 0;
  }
  return false;
}

/* Takes turns: each stream one frame, as long as the wire has room. */
void streams_pump(void) {
  while (first_pending != NULL && wire_has_room(MAX_DATA)) {
    struct stream *stream = first_pending;
    first_pending = stream->next;
    if (first_pending == NULL) last_pending = &first_pending;
    stream->pending = false;
    if (!stream->in_use) free_slot(stream);
    else if (stream->source.fd >= 0 && !stream->sent_last && pump_once(stream)) add_pending(stream);
  }
}

static void take_open(uint32_t id, const uint8_t *payload, size_t length) {
  if (id % 2 == 1 || id <= last_host_id || length != 5 || payload[0] != FORWARD || host_count >= MAX_STREAMS)
    die("the host opened what it may not");
  last_host_id = id;
  struct stream *stream = take_slot(id);
  stream->port = read_u16(payload + 1);
  connect_inside(stream);
}

static void take_end(struct stream *stream) {
  stream->got_last = stream->got_end = true;
  if (!stream->dropped && !stream->connecting && queue_is_empty(stream)) shutdown(stream->source.fd, SHUT_WR);
  forget_if_over(stream);
}

static void take_reset(struct stream *stream) {
  if (!stream->sent_last) wire_send(RESET, stream->id, NULL, 0);
  forget(stream, true);
}

static void take_window(struct stream *stream, const uint8_t *payload, size_t length) {
  if (length != 4) die("a credit is garbled");
  uint32_t credit = read_u32(payload);
  if (credit == 0 || credit > (4u << 20) || stream->credit + credit > (4u << 20)) die("a credit is out of bounds");
  stream->credit += credit;
  add_pending(stream);
}

void stream_frame(enum frame_type type, uint32_t id, const uint8_t *payload, size_t length) {
  if (type == OPEN) {
    take_open(id, payload, length);
    return;
  }
  struct stream *stream = find(id);
  if (stream == NULL) {
    bool was = id % 2 == 1 ? id < next_id : id <= last_host_id;
    if (was && (type == WINDOW || type == RESET)) return;
    die("a frame for a stream that is not there");
  }
  if (type == WINDOW) take_window(stream, payload, length);
  else if (type == RESET && length == 0) take_reset(stream);
  else if (type == REFUSED && length > 0 && length <= MAX_REASON && is_own(stream)) denied_add(payload, length);
  else if (stream->got_last) die("data after the end");
  else if (type == DATA && length > 0) take_data(stream, payload, length);
  else if (type == END && length == 0) take_end(stream);
  else die("an unknown frame");
}
