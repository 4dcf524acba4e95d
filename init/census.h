#ifndef AIRLOCK_CENSUS_H
#define AIRLOCK_CENSUS_H

#include "init.h"

#include <time.h>

/* What a sandbox wrote outside its layers, in allocated bytes. */
struct census {
  unsigned long long deleted;   /* files without a name that somebody still holds */
  unsigned long long in_flight; /* open files that were sent over a socket and not received yet */
  unsigned long long root;      /* the container's own root file system */
  bool whole;                   /* false: something could not be counted */
};

/* root.c: adds what of the root file system changed after `since`. */
void count_root(struct timespec since, struct census *census);

#endif
