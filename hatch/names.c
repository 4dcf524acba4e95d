#include "hatch.h"

#include <string.h>

/* 127.64.0.0/10 has room for 256 generations of a table of 16,384 names: an address that a program still remembers leads to
 * its name or to nothing, and comes back with another name only after four million others. */
enum { COUNT = 16384, GENERATIONS = 256, BUCKETS = 16384 };
static const uint32_t base = 0x7f400000;

static struct name names[COUNT];
static struct name *buckets[BUCKETS];
static struct name *oldest, *newest;

static struct name **bucket_of(const char *text) {
  uint32_t hash = 2166136261u;
  for (; *text != '\0'; text++) hash = (hash ^ (unsigned char)*text) * 16777619u;
  return &buckets[hash % BUCKETS];
}

static void unlink_age(struct name *name) {
  if (name->older != NULL) name->older->newer = name->newer;
  else oldest = name->newer;
  if (name->newer != NULL) name->newer->older = name->older;
  else newest = name->older;
}

static void make_newest(struct name *name) {
  name->older = newest;
  name->newer = NULL;
  if (newest != NULL) newest->newer = name;
  else oldest = name;
  newest = name;
}

void names_start(void) {
  for (size_t i = 0; i < COUNT; i++) make_newest(&names[i]);
}

static void unlink_bucket(struct name *name) {
  for (struct name **at = bucket_of(name->text); *at != NULL; at = &(*at)->chain) {
    if (*at != name) continue;
    *at = name->chain;
    return;
  }
}

/* There are more names than streams, so one that no connection uses is always found. */
static struct name *take_oldest(void) {
  struct name *name = oldest;
  while (name->uses > 0) name = name->newer;
  if (name->text[0] != '\0') {
    unlink_bucket(name);
    name->generation = (name->generation + 1) % GENERATIONS;
  }
  return name;
}

static struct name *find_or_make(const char *text) {
  struct name **bucket = bucket_of(text);
  for (struct name *name = *bucket; name != NULL; name = name->chain)
    if (strcmp(name->text, text) == 0) return name;
  struct name *name = take_oldest();
  strcpy(name->text, text);
  name->chain = *bucket;
  *bucket = name;
  return name;
}

uint32_t name_address(const char *text) {
  struct name *name = find_or_make(text);
  unlink_age(name);
  make_newest(name);
  return base + name->generation * COUNT + (uint32_t)(name - names);
}

struct name *name_at(uint32_t address) {
  if (address < base || address >= base + GENERATIONS * COUNT) return NULL;
  struct name *name = &names[(address - base) % COUNT];
  return name->text[0] != '\0' && name->generation == (address - base) / COUNT ? name : NULL;
}
