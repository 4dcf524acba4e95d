#define _GNU_SOURCE
#include "hatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  IN_BYTES = 1 << 20,
  OUT_BYTES = 1 << 20,
  /* Kept for control frames: a read of IN_BYTES can ask for that many answers at most, one of 12 bytes to one of 8. */
  RESERVE = 1 << 18,
  READ_BYTES = 1 << 17,
  PIPE_BYTES = 1 << 20,
};

static uint8_t in[IN_BYTES], out[OUT_BYTES + RESERVE];
static size_t in_end, out_start, out_end;
static bool is_set_up, wants_write;
static void on_input(struct source *source, uint32_t events);
static void on_output(struct source *source, uint32_t events);
static struct source input = {on_input, STDIN_FILENO}, output = {on_output, STDOUT_FILENO};

uint16_t read_u16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
uint32_t read_u32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }
void write_u16(uint8_t *at, uint16_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}
void write_u32(uint8_t *at, uint32_t value) {
  write_u16(at, (uint16_t)(value >> 16));
  write_u16(at + 2, (uint16_t)value);
}

static void compact(void) {
  if (out_start == 0) return;
  memmove(out, out + out_start, out_end - out_start);
  out_end -= out_start;
  out_start = 0;
}

bool wire_has_room(size_t payload) {
  if (out_end + HEADER_BYTES + payload <= OUT_BYTES) return true;
  if (out_end - out_start + HEADER_BYTES + payload > OUT_BYTES) return false;
  compact();
  return true;
}

static void put_header(enum frame_type type, uint32_t id, size_t length) {
  uint8_t *at = out + out_end;
  write_u32(at, (uint32_t)type << 24 | (uint32_t)length);
  write_u32(at + 4, id);
}

void wire_send(enum frame_type type, uint32_t id, const void *payload, size_t length) {
  if (out_end + HEADER_BYTES + length > sizeof out) compact();
  if (out_end + HEADER_BYTES + length > sizeof out) die("the host does not read");
  put_header(type, id, length);
  if (length > 0) memcpy(out + out_end + HEADER_BYTES, payload, length);
  out_end += HEADER_BYTES + length;
}

uint8_t *wire_place(void) { return out + out_end + HEADER_BYTES; }

void wire_commit_data(uint32_t id, size_t length) {
  put_header(DATA, id, length);
  out_end += HEADER_BYTES + length;
}

void wire_flush(void) {
  while (out_start < out_end) {
    ssize_t written = write(STDOUT_FILENO, out + out_start, out_end - out_start);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) break;
    if (written <= 0) exit(0);
    out_start += (size_t)written;
  }
  if (out_start == out_end) out_start = out_end = 0;
  bool wants = out_start < out_end;
  if (wants == wants_write) return;
  wants_write = wants;
  change_source(&output, wants ? EPOLLOUT : 0);
}

static void on_output(struct source *source, uint32_t events) {
  (void)source;
  if (events & (EPOLLERR | EPOLLHUP)) exit(0);
  wire_flush();
}

static void take_frame(enum frame_type type, uint32_t id, const uint8_t *payload, size_t length) {
  if (type == SETUP) {
    if (is_set_up || id != 0) die("the host set up twice");
    is_set_up = true;
    listeners_start(payload, length);
    return;
  }
  if (!is_set_up || id == 0) die("a frame out of place");
  stream_frame(type, id, payload, length);
}

static void take_frames(void) {
  size_t at = 0;
  while (in_end - at >= HEADER_BYTES) {
    uint32_t word = read_u32(in + at);
    size_t length = word & 0xffffff;
    if (length > MAX_DATA) die("a frame is too long");
    if (in_end - at < HEADER_BYTES + length) break;
    take_frame((enum frame_type)(word >> 24), read_u32(in + at + 4), in + at + HEADER_BYTES, length);
    at += HEADER_BYTES + length;
  }
  memmove(in, in + at, in_end - at);
  in_end -= at;
}

static void on_input(struct source *source, uint32_t events) {
  (void)events;
  /* Frames from the host may want answers: while those cannot leave, nothing more is read. */
  if (out_end - out_start > OUT_BYTES) return;
  size_t room = sizeof in - in_end;
  ssize_t got = read(source->fd, in + in_end, room < READ_BYTES ? room : READ_BYTES);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) exit(0);
  in_end += (size_t)got;
  take_frames();
}

static void make_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) die("cannot set up the wire");
  /* Fewer and larger reads; not every kernel or kind of pipe allows it. */
  fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

void wire_start(void) {
  make_nonblocking(STDIN_FILENO);
  make_nonblocking(STDOUT_FILENO);
  watch_source(&input, EPOLLIN);
  watch_source(&output, 0);
}
