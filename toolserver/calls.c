#define _GNU_SOURCE
#include "toolserver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_RESOLVED = 8 };

static struct call *calls[MAX_CALLS];
static uint32_t last_id;
static size_t all_input;

static struct call *find_call(uint32_t id) {
  for (size_t i = 0; i < MAX_CALLS; i++)
    if (calls[i] != NULL && calls[i]->id == id) return calls[i];
  return NULL;
}

static size_t bounded(long long wanted, size_t most) { return wanted < 0 ? 0 : (size_t)wanted < most ? (size_t)wanted : most; }

static struct call *new_call(uint32_t id, const uint8_t *payload, size_t length) {
  struct call *call = calloc(1, sizeof *call);
  if (call == NULL || (call->body = malloc(length)) == NULL) die("out of memory");
  memcpy(call->body, payload, length);
  call->id = id;
  call->operation = (enum operation)payload[0];
  call->records = (struct records){call->body + 2, length - 2};
  call->input = -1;
  if (!records_are_whole(call->records)) die("a call whose records are garbled");
  call->head = bounded(record_number(call->records, "head", 0), MAX_HEAD);
  call->tail = bounded(record_number(call->records, "tail", 0), MAX_TAIL);
  return call;
}

static void begin_call(uint32_t id, const uint8_t *payload, size_t length) {
  if (id <= last_id) die("a call whose id does not count up");
  if (payload[0] < RESOLVE || payload[0] > SHELL || payload[1] > 1) die("an unknown operation");
  last_id = id;
  size_t slot = 0;
  while (slot < MAX_CALLS && calls[slot] != NULL) slot++;
  if (slot == MAX_CALLS) die("too many calls");
  struct call *call = calls[slot] = new_call(id, payload, length);
  call->state = payload[1] == 1 ? IN_WAIT : IN_READY;
  if (call->state == IN_READY) return;
  call->input = memfd_create("input", MFD_CLOEXEC);
  if (call->input < 0) call_fail(call, strerrorname_np(errno), "no memory for the input");
}

static void take_input(struct call *call, const uint8_t *bytes, size_t length) {
  if (all_input + length > INPUT_MOST) return call_fail(call, "EFBIG", "more input than 64 MiB at once");
  while (length > 0) {
    ssize_t written = write(call->input, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return call_fail(call, "ENOMEM", "no memory for the input");
    bytes += written;
    length -= (size_t)written;
    call->input_bytes += (size_t)written;
    all_input += (size_t)written;
  }
}

static void cancel_call(struct call *call) {
  call->is_cancelled = true;
  if (call->state == IN_WAIT || call->state == IN_READY) call_fail(call, "ECANCELED", "cancelled");
  /* A file that is half written would be left behind. */
  else if (call->state == IN_RUN && call->operation != WRITE) job_cancel(call->job);
}

void call_frame(enum frame_type type, uint32_t id, const uint8_t *payload, size_t length) {
  if (type == CALL) return begin_call(id, payload, length);
  if (id == 0 || id > last_id) die("a frame for a call that never was");
  struct call *call = find_call(id);
  if (call == NULL) return;
  if (type == CANCEL) cancel_call(call);
  else if (call->state != IN_WAIT) {
    if (call->state != IN_END) die("input that was not announced");
  } else if (type == INPUT) take_input(call, payload, length);
  else {
    lseek(call->input, 0, SEEK_SET);
    call->state = IN_READY;
  }
}

/* What the pipes hold now is the rest of it: what is written later is not this call's. */
static void limit_pipes(struct call *call) {
  struct job *job = call->job;
  for (int stream = 0; stream < 2; stream++) {
    int waiting = 0;
    if (job != NULL && job->pipes[stream] >= 0 && ioctl(job->pipes[stream], FIONREAD, &waiting) == 0)
      call->left[stream] = (size_t)waiting;
  }
}

void call_end(struct call *call, enum frame_type last, const char *answer, size_t length) {
  if (call->state == IN_END) return;
  call->state = IN_END;
  call->last = last;
  call->answer_length = length < MAX_ANSWER - 256 ? length : 0;
  memcpy(call->answer, answer, call->answer_length);
  limit_pipes(call);
}

void call_fail(struct call *call, const char *code, const char *text) {
  char answer[512];
  int length = snprintf(answer, sizeof answer, "code=%s%ctext=%.400s", code == NULL ? "EIO" : code, '\0', text);
  call_end(call, FAILED, answer, (size_t)length + 1);
}

static size_t head_left(const struct call *call, int stream) {
  uint64_t total = call->flows[stream].total;
  return total < call->head ? call->head - (size_t)total : 0;
}

bool call_wants(const struct call *call, int stream) {
  if (call->state == IN_END && call->left[stream] == 0) return false;
  return head_left(call, stream) == 0 || wire_has_room(MAX_DATA);
}

static void keep(struct call *call, struct flow *flow, const uint8_t *bytes, size_t length) {
  if (call->tail == 0) return;
  if (flow->ring == NULL && (flow->ring = malloc(call->tail)) == NULL) die("out of memory");
  if (length > call->tail) {
    bytes += length - call->tail;
    length = call->tail;
  }
  size_t end = (flow->ring_start + flow->ring_length) % call->tail;
  size_t first = length < call->tail - end ? length : call->tail - end;
  memcpy(flow->ring + end, bytes, first);
  memcpy(flow->ring, bytes + first, length - first);
  flow->ring_length += length;
  if (flow->ring_length <= call->tail) return;
  flow->ring_start = (flow->ring_start + flow->ring_length - call->tail) % call->tail;
  flow->ring_length = call->tail;
}

void call_take(struct call *call, int stream, const uint8_t *bytes, size_t length) {
  size_t first = head_left(call, stream);
  if (first > length) first = length;
  struct flow *flow = &call->flows[stream];
  flow->total += length;
  if (call->state == IN_END) call->left[stream] -= length < call->left[stream] ? length : call->left[stream];
  if (first > 0) wire_send(stream == 0 ? OUT : ERR, call->id, bytes, first);
  if (length > first) keep(call, flow, bytes + first, length - first);
}

static void free_call(size_t slot) {
  struct call *call = calls[slot];
  calls[slot] = NULL;
  if (call->input >= 0) close(call->input);
  all_input -= call->input_bytes;
  if (call->job != NULL) {
    call->job->call = NULL;
    if (call->job->shell[0] == '\0') job_drop(call->job);
  }
  for (int stream = 0; stream < 2; stream++) free(call->flows[stream].ring);
  free(call->body);
  free(call);
}

static void resolve(struct call *call) {
  char answer[MAX_RESOLVED * PATH_MAX], real[PATH_MAX];
  size_t length = 0;
  const char *path;
  for (unsigned i = 0; (path = record_nth(call->records, "path", i)) != NULL; i++) {
    if (i == MAX_RESOLVED) return call_fail(call, "E2BIG", "too many paths");
    if (!resolve_path(path, real)) return call_fail(call, strerrorname_np(errno), strerror(errno));
    memcpy(answer + length, real, strlen(real) + 1);
    length += strlen(real) + 1;
  }
  call->head = sizeof answer;
  call->flows[0].total = 0;
  if (length > 0) call_take(call, 0, (const uint8_t *)answer, length);
  call_end(call, DONE, "", 0);
}

static void start(struct call *call) {
  static void (*const work[])(const struct call *) = {
      [READ] = work_read, [LINES] = work_lines, [LIST] = work_list, [GLOB] = work_glob,
      [GREP] = work_grep, [WRITE] = work_write, [RUN] = guard_command,
  };
  if (call->operation == RESOLVE) return resolve(call);
  if (call->operation == SHELL) return shell_begin(call);
  if (call->operation == RUN && spare_take(call)) return;
  if (job_start(call, work[call->operation], false) == NULL) return call_fail(call, strerrorname_np(errno), "cannot start a process");
  call->state = IN_RUN;
}

/* Sends the end of a stream, a frame at a time; false while there is more. */
static bool send_tail(struct call *call, int stream) {
  struct flow *flow = &call->flows[stream];
  while (flow->ring_length > 0) {
    if (!wire_has_room(MAX_DATA)) return false;
    size_t length = flow->ring_length;
    if (length > call->tail - flow->ring_start) length = call->tail - flow->ring_start;
    if (length > MAX_DATA) length = MAX_DATA;
    wire_send(stream == 0 ? OUT : ERR, call->id, flow->ring + flow->ring_start, length);
    flow->ring_start = (flow->ring_start + length) % call->tail;
    flow->ring_length -= length;
  }
  return true;
}

static bool finish(struct call *call) {
  for (int stream = 0; stream < 2; stream++) {
    while (call->left[stream] > 0 && call_wants(call, stream)) job_read_pipe(call->job, stream);
    if (call->left[stream] > 0) return false;
  }
  if (!send_tail(call, 0) || !send_tail(call, 1) || !wire_has_room(MAX_ANSWER)) return false;
  int more = 0;
  if (call->last == DONE)
    more = snprintf(call->answer + call->answer_length, 128, "out=%llu%cerr=%llu", (unsigned long long)call->flows[0].total,
                    '\0', (unsigned long long)call->flows[1].total) + 1;
  wire_send(call->last, call->id, call->answer, call->answer_length + (size_t)more);
  return true;
}

void calls_pump(void) {
  for (size_t i = 0; i < MAX_CALLS; i++) {
    if (calls[i] == NULL) continue;
    if (calls[i]->state == IN_READY && wire_has_room(MAX_DATA)) start(calls[i]);
    if (calls[i]->state == IN_END && finish(calls[i])) free_call(i);
  }
}

bool calls_wait_for_room(void) {
  for (size_t i = 0; i < MAX_CALLS; i++)
    if (calls[i] != NULL && (calls[i]->state == IN_READY || calls[i]->state == IN_END)) return true;
  return false;
}
