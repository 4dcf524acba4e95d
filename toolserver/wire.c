#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_BYTES = 1 << 19, OUT_BYTES = 1 << 20, READ_BYTES = 1 << 17 };

static uint8_t in[IN_BYTES], out[OUT_BYTES];
static size_t in_end, out_start, out_end;

static uint32_t read_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

bool wire_has_room(size_t payload) { return out_end - out_start + HEADER_BYTES + payload <= OUT_BYTES; }

bool wire_is_waiting(void) { return out_start < out_end; }

void wire_send(enum frame_type type, uint32_t id, const void *payload, size_t length) {
  if (out_end + HEADER_BYTES + length > OUT_BYTES) {
    memmove(out, out + out_start, out_end - out_start);
    out_end -= out_start;
    out_start = 0;
  }
  if (out_end + HEADER_BYTES + length > OUT_BYTES) die("no room for a frame");
  write_u32(out + out_end, (uint32_t)type << 24 | (uint32_t)length);
  write_u32(out + out_end + 4, id);
  if (length > 0) memcpy(out + out_end + HEADER_BYTES, payload, length);
  out_end += HEADER_BYTES + length;
}

void wire_flush(void) {
  while (out_start < out_end) {
    ssize_t written = write(STDOUT_FILENO, out + out_start, out_end - out_start);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written <= 0) exit(0);
    out_start += (size_t)written;
  }
  out_start = out_end = 0;
}

static void check_frame(enum frame_type type, size_t length) {
  bool is_good = type == CALL ? length >= 2 && length <= MAX_CALL
               : type == INPUT ? length >= 1 && length <= MAX_DATA
               : type == GO || type == CANCEL ? length == 0
               : false;
  if (!is_good) die("a frame that the host does not send");
}

void wire_input(void) {
  size_t room = sizeof in - in_end;
  ssize_t got = read(STDIN_FILENO, in + in_end, room < READ_BYTES ? room : READ_BYTES);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) exit(0);
  in_end += (size_t)got;
  size_t at = 0;
  while (in_end - at >= HEADER_BYTES) {
    uint32_t word = read_u32(in + at);
    enum frame_type type = (enum frame_type)(word >> 24);
    size_t length = word & 0xffffff;
    check_frame(type, length);
    if (in_end - at < HEADER_BYTES + length) break;
    call_frame(type, read_u32(in + at + 4), in + at + HEADER_BYTES, length);
    at += HEADER_BYTES + length;
  }
  memmove(in, in + at, in_end - at);
  in_end -= at;
}

void wire_start(void) {
  for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) die("cannot set up the connection");
  }
  uint8_t version = PROTOCOL_VERSION;
  wire_send(READY, 0, &version, 1);
  wire_flush();
}
