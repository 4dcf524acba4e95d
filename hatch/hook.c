#define _GNU_SOURCE
#include "hatch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * `hatch hook AGENT [EVENT]`: what an agent starts before and after each of its tools. It hands the agent's JSON to the host and plays
 * what the host answers. Whatever goes wrong before a tool runs blocks that tool: agents take most failures of a hook for a yes.
 */

enum {
  HOOK_VERSION = 1,
  MAX_PAYLOAD = 8 << 20,
  MAX_ANSWER = 1 << 20,
  MAX_AGENT = 32,
  MAX_EVENT = 64,
  /* Less than any agent waits for a hook. */
  SECONDS = 20,
  BLOCKED = 2,
};

static uint8_t payload[MAX_PAYLOAD + 1], answer[MAX_ANSWER];
static const char *agent = "", *event = "";
static volatile sig_atomic_t is_playing;

static void put(int fd, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  while (length > 0) {
    ssize_t written = write(fd, at, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    at += written;
    length -= (size_t)written;
  }
}

static void say(int fd, const char *text) { put(fd, text, strlen(text)); }

/* What has run cannot be blocked any more: an error there would only hide its result from the model. */
static bool is_after(void) {
  size_t length = strlen(event);
  return strncasecmp(event, "post", 4) == 0 || strncasecmp(event, "after", 5) == 0 ||
         (length > 6 && strcasecmp(event + length - 6, ".after") == 0);
}

/* Only what a signal handler may do. `why` is a constant of ours: it stands in JSON as it is. */
__attribute__((noreturn)) static void blocked(const char *why) {
  if (is_after()) {
    say(STDERR_FILENO, "airlock: not recorded: ");
    say(STDERR_FILENO, why);
    say(STDERR_FILENO, "\n");
    _exit(0);
  }
  bool copilot = strcmp(agent, "copilot") == 0, gemini = strcmp(agent, "gemini") == 0;
  if (copilot) say(STDOUT_FILENO, "{\"permissionDecision\":\"deny\",\"permissionDecisionReason\":\"airlock: blocked: ");
  if (gemini) say(STDOUT_FILENO, "{\"decision\":\"deny\",\"reason\":\"airlock: blocked: ");
  if (copilot || gemini) {
    say(STDOUT_FILENO, why);
    say(STDOUT_FILENO, "\"}\n");
  }
  say(STDERR_FILENO, "airlock: blocked: ");
  say(STDERR_FILENO, why);
  say(STDERR_FILENO, "\n");
  _exit(BLOCKED);
}

static void on_alarm(int signal) {
  (void)signal;
  /* Half an answer is on its way to somebody who does not read: nothing can be said any more. */
  if (is_playing) _exit(is_after() ? 0 : BLOCKED);
  blocked("no answer from the host in time");
}

static bool is_word(const char *text, size_t most) {
  size_t length = strlen(text);
  if (length > most) return false;
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
    if (!plain) return false;
  }
  return true;
}

/* Up to `most` bytes, to the end; more than that is an error. */
static size_t read_whole(int fd, uint8_t *place, size_t most, const char *too_much, const char *failed) {
  size_t have = 0;
  for (;;) {
    ssize_t got = read(fd, place + have, most - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) blocked(failed);
    if (got == 0) return have;
    have += (size_t)got;
    if (have == most) blocked(too_much);
  }
}

static int connect_hatch(void) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(PORT_HOOK), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&place, sizeof place) != 0) blocked("the host is not connected with this sandbox");
  return fd;
}

static void ask(int fd, size_t length) {
  uint8_t head[3 + MAX_AGENT + MAX_EVENT + 4] = {HOOK_VERSION};
  size_t at = 1, agent_length = strlen(agent), event_length = strlen(event);
  head[at++] = (uint8_t)agent_length;
  memcpy(head + at, agent, agent_length);
  at += agent_length;
  head[at++] = (uint8_t)event_length;
  memcpy(head + at, event, event_length);
  at += event_length;
  write_u32(head + at, (uint32_t)length);
  put(fd, head, at + 4);
  /* The length says where it ends: the connection's end says that nobody waits any more. */
  put(fd, payload, length);
}

__attribute__((noreturn)) static void play(size_t length) {
  const size_t head = 10;
  if (length < head || answer[0] != HOOK_VERSION) blocked("the host gave no answer");
  size_t out = read_u32(answer + 2), error = read_u32(answer + 6);
  if (out > MAX_ANSWER || error > MAX_ANSWER || head + out + error != length) blocked("the host gave half an answer");
  is_playing = 1;
  put(STDOUT_FILENO, answer + head, out);
  put(STDERR_FILENO, answer + head + out, error);
  _exit(answer[1]);
}

void hook_run(const char *agent_name, const char *event_name) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGALRM, on_alarm);
  alarm(SECONDS);
  if (!is_word(agent_name, MAX_AGENT) || !is_word(event_name, MAX_EVENT)) blocked("usage: hatch hook AGENT [EVENT]");
  agent = agent_name;
  event = event_name;
  size_t length = read_whole(STDIN_FILENO, payload, sizeof payload, "the call is larger than 8 MiB", "the call cannot be read");
  int fd = connect_hatch();
  ask(fd, length);
  play(read_whole(fd, answer, sizeof answer, "the host's answer is too long", "the host was lost"));
}
