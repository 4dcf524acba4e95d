#define _GNU_SOURCE
#include "hatch.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  MAX_MESSAGE = 1232,
  DNS_HEADER = 12,
  MAX_ANSWER = MAX_MESSAGE + 16,
  MAX_CLIENTS = 32,
  AT_ONCE = 64,
  TYPE_A = 1,
  TYPE_PTR = 12,
  TYPE_AAAA = 28,
  TYPE_SVCB = 64,
  TYPE_HTTPS = 65,
  CLASS_IN = 1,
  NO_ERROR = 0,
  FORMAT_ERROR = 1,
  NO_SUCH_NAME = 3,
  NOT_IMPLEMENTED = 4,
  REFUSED_TYPE = 5,
};

struct client {
  struct source source;
  size_t length;
  uint8_t message[2 + MAX_MESSAGE];
};

static struct client clients[MAX_CLIENTS];
static void on_query(struct source *source, uint32_t events);
static void on_client(struct source *source, uint32_t events);
static struct source datagrams = {on_query, -1}, streams = {on_client, -1};

/* The question's name in lower case with dots; the offset after it, or 0 when it is no name that a host can have. */
static size_t read_name(const uint8_t *message, size_t length, char *name) {
  size_t at = DNS_HEADER, used = 0;
  for (;;) {
    if (at >= length) return 0;
    size_t label = message[at++];
    if (label == 0) break;
    if (label > 63 || at + label > length || used + label + 1 > MAX_NAME + 1) return 0;
    if (used > 0) name[used++] = '.';
    if (used + label > MAX_NAME) return 0;
    /* A dot or a NUL within a label would make another name of it. */
    for (size_t i = 0; i < label; i++, at++) name[used++] = message[at] == '.' || message[at] == '\0' ? '?' : (char)tolower(message[at]);
  }
  name[used] = '\0';
  return at;
}

static bool is_host_name(const char *name) {
  return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name) && name[0] != '.' &&
         strstr(name, "..") == NULL && name[strlen(name) - 1] != '.';
}

static bool is_this_machine(const char *name) {
  char own[256] = "";
  gethostname(own, sizeof own - 1);
  size_t length = strlen(name);
  return strcmp(name, "localhost") == 0 || strcasecmp(name, own) == 0 || (length > 10 && strcmp(name + length - 10, ".localhost") == 0);
}

static size_t finish(uint8_t *answer, size_t length, int code, int answers) {
  answer[2] = (uint8_t)(0x80 | (answer[2] & 0x79));
  answer[3] = (uint8_t)(0x80 | code);
  write_u16(answer + 4, length > DNS_HEADER ? 1 : 0);
  write_u16(answer + 6, (uint16_t)answers);
  write_u32(answer + 8, 0);
  return length;
}

/* Answers one message; 0 for what deserves no answer. Nothing is looked up: the name only gets an address that stands for it. */
static size_t answer_query(const uint8_t *message, size_t length, uint8_t *answer) {
  if (length < DNS_HEADER || (message[2] & 0x80) != 0) return 0;
  memcpy(answer, message, DNS_HEADER);
  if ((message[2] & 0x78) != 0) return finish(answer, DNS_HEADER, NOT_IMPLEMENTED, 0);
  char name[MAX_NAME + 2];
  size_t end = read_u16(message + 4) == 1 ? read_name(message, length, name) : 0;
  if (end == 0 || end + 4 > length) return finish(answer, DNS_HEADER, FORMAT_ERROR, 0);
  uint16_t type = read_u16(message + end), class = read_u16(message + end + 2);
  end += 4;
  memcpy(answer, message, end);
  if (type == TYPE_PTR) return finish(answer, end, NO_SUCH_NAME, 0);
  bool is_known = type == TYPE_A || type == TYPE_AAAA || type == TYPE_HTTPS || type == TYPE_SVCB;
  if (!is_known || class != CLASS_IN) return finish(answer, end, REFUSED_TYPE, 0);
  if (!is_host_name(name)) return finish(answer, end, NO_SUCH_NAME, 0);
  if (type != TYPE_A) return finish(answer, end, NO_ERROR, 0);
  static const uint8_t record[] = {0xc0, DNS_HEADER, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, 1, 0, 4};
  memcpy(answer + end, record, sizeof record);
  write_u32(answer + end + sizeof record, is_this_machine(name) ? INADDR_LOOPBACK : name_address(name));
  return finish(answer, end, NO_ERROR, 1) + sizeof record + 4;
}

static void on_query(struct source *source, uint32_t events) {
  (void)events;
  for (int i = 0; i < AT_ONCE; i++) {
    uint8_t message[MAX_MESSAGE], answer[MAX_ANSWER];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(source->fd, message, sizeof message, MSG_TRUNC, (struct sockaddr *)&from, &size);
    if (length < 0) return;
    size_t answered = (size_t)length > sizeof message ? 0 : answer_query(message, (size_t)length, answer);
    if (answered > 0) sendto(source->fd, answer, answered, MSG_DONTWAIT, (struct sockaddr *)&from, size);
  }
}

static void close_client(struct client *client) {
  close(client->source.fd);
  client->source.fd = -1;
}

static void on_message(struct source *source, uint32_t events) {
  (void)events;
  struct client *client = (struct client *)source;
  ssize_t got = recv(source->fd, client->message + client->length, sizeof client->message - client->length, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    close_client(client);
    return;
  }
  client->length += (size_t)got;
  while (client->length >= 2) {
    size_t length = read_u16(client->message);
    if (length > MAX_MESSAGE) break;
    if (client->length < 2 + length) return;
    uint8_t answer[2 + MAX_ANSWER];
    size_t answered = answer_query(client->message + 2, length, answer + 2);
    write_u16(answer, (uint16_t)answered);
    /* An empty buffer takes so little whole; who has filled it does not read, and is let go. */
    if (answered == 0 || send(source->fd, answer, 2 + answered, MSG_DONTWAIT) != (ssize_t)(2 + answered)) break;
    client->length -= 2 + length;
    memmove(client->message, client->message + 2 + length, client->length);
  }
  if (client->length >= 2) close_client(client);
}

/* Of many who ask by TCP the first must go when there is no room: questions are short. */
static void on_client(struct source *source, uint32_t events) {
  (void)events;
  static size_t next = 0;
  int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  struct client *client = &clients[next++ % MAX_CLIENTS];
  if (client->source.fd > 0) close_client(client);
  client->source = (struct source){on_message, fd};
  client->length = 0;
  watch_source(&client->source, EPOLLIN);
}

bool resolver_start(void) {
  datagrams.fd = listen_on(INADDR_LOOPBACK, PORT_RESOLVER, SOCK_DGRAM);
  streams.fd = listen_on(INADDR_LOOPBACK, PORT_RESOLVER, SOCK_STREAM);
  if (datagrams.fd < 0 || streams.fd < 0) return false;
  watch_source(&datagrams, EPOLLIN);
  watch_source(&streams, EPOLLIN);
  return true;
}
