#ifndef AIRLOCK_PROBE_H
#define AIRLOCK_PROBE_H

#include "init.h"

/* syscalls.c: calls that a sandbox must be refused, and how they were answered. */
void probe_syscalls(struct text *report);

/* mounts.c: every line of mountinfo with the identity of what is mounted there. */
void probe_mounts(struct text *report);

#endif
