#define _GNU_SOURCE
#include "toolserver.h"

#include <stdlib.h>
#include <string.h>

/* One that dies before it is used is not replaced until there was a command: else whoever kills it would keep the server busy. */
static bool is_wanted = true;

bool spare_is_wanted(void) { return is_wanted; }

void spare_make(void) {
  is_wanted = false;
  struct job *job = job_start(NULL, guard_spare, true);
  if (job != NULL) job->is_spare = true;
}

static struct job *find_spare(void) {
  for (size_t i = 0; i < MAX_JOBS; i++)
    if (jobs[i].is_used && jobs[i].is_spare) return &jobs[i];
  return NULL;
}

bool spare_take(struct call *call) {
  struct job *job = call->input < 0 ? find_spare() : NULL;
  is_wanted = find_spare() == job;
  if (job == NULL) return false;
  size_t length = call->records.length;
  job->script = malloc(sizeof length + length);
  if (job->script == NULL) die("out of memory");
  memcpy(job->script, &length, sizeof length);
  memcpy(job->script + sizeof length, call->records.data, length);
  job->script_at = 0;
  job->script_length = sizeof length + length;
  job->is_spare = false;
  job->call = call;
  call->job = job;
  call->state = IN_RUN;
  job_write_script(job);
  return true;
}
