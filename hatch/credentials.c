#define _GNU_SOURCE
#include "hatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_ANSWER = 64 * 1024 };

static int connect_gateway(void) {
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons(PORT_GATEWAY),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("this sandbox has no gateway for AWS");
  return fd;
}

/* What `credential_process` of AWS's configuration runs: the keys that a program would get from the container's endpoint itself. */
void credentials_print(void) {
  static char answer[MAX_ANSWER + 1];
  char request[1024];
  const char *token = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (token == NULL) die("AWS_CONTAINER_AUTHORIZATION_TOKEN is not set");
  int length = snprintf(request, sizeof request,
                        "GET /airlock/credentials HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nAuthorization: %s\r\n\r\n",
                        PORT_GATEWAY, token);
  if (length < 0 || (size_t)length >= sizeof request) die("AWS_CONTAINER_AUTHORIZATION_TOKEN is too long");
  int fd = connect_gateway();
  if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length) die("the gateway does not answer");
  size_t got = 0;
  for (ssize_t piece; got < MAX_ANSWER && (piece = read(fd, answer + got, MAX_ANSWER - got)) > 0;) got += (size_t)piece;
  close(fd);
  const char *body = strstr(answer, "\r\n\r\n");
  if (body == NULL || strncmp(answer, "HTTP/1.1 200 ", 13) != 0) die("the gateway gives no credentials");
  puts(body + 4);
}
