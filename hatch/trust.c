#define _GNU_SOURCE
#include "hatch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder holds 1 MiB, and the denials want their part of it. */
enum { MAX_BUNDLE = 640 * 1024 };

static const char own_path[] = "/run/airlock/ca.pem";
static const char bundle_path[] = "/run/airlock/ca-bundle.pem";

/* Where images have the authorities that they trust; the first that is there. */
static const char *const systems[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static int create(const char *path) {
  unlink(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
  if (fd < 0) die("cannot write the certificates");
  return fd;
}

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written <= 0) die("cannot write the certificates");
    bytes += written;
    length -= (size_t)written;
  }
}

static void copy_system(int to) {
  static char block[65536];
  for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
    struct stat facts;
    /* The image may have anything there. */
    int from = open(systems[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) continue;
    if (fstat(from, &facts) == 0 && S_ISREG(facts.st_mode)) {
      if (facts.st_size > MAX_BUNDLE) die("the image's certificates are too many");
      ssize_t length;
      while ((length = read(from, block, sizeof block)) > 0) write_all(to, block, (size_t)length);
      close(from);
      return;
    }
    close(from);
  }
}

/* For programs inside: the image's own authorities and the session's, which no program but this one can write. */
void trust_write(const char *authority) {
  size_t length = strlen(authority);
  int own = create(own_path);
  write_all(own, authority, length);
  close(own);
  int bundle = create(bundle_path);
  copy_system(bundle);
  write_all(bundle, "\n", 1);
  write_all(bundle, authority, length);
  close(bundle);
}
