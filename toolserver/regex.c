#define _GNU_SOURCE
#include "toolserver.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static char *out;
static const char *problem;

static void add(const char *text) {
  strcpy(out, text);
  out += strlen(text);
}

static void add_char(char c) { *out++ = c; }

/* A class such as \d as the inside of a bracket; NULL: none. */
static const char *class_of(char c) {
  return c == 'd' ? "0-9" : c == 'w' ? "[:alnum:]_" : c == 's' ? "[:space:]" : NULL;
}

static char plain_escape(char c) { return c == 't' ? '\t' : c == 'r' ? '\r' : c == 'n' ? '\n' : c == 'f' ? '\f' : c == 'v' ? '\v' : '\0'; }

/* POSIX has no escapes in brackets, and wants `]` first and `-` last. */
static const char *bracket(const char *at) {
  bool has_close = false, has_dash = false, is_first = true;
  char inner[1024];
  size_t length = 0;
  add_char('[');
  if (*++at == '^') {
    add_char('^');
    at++;
  }
  for (; *at != '\0' && (*at != ']' || is_first); at++, is_first = false) {
    const char *end;
    char one[2] = {*at, '\0'};
    const char *text = one;
    if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '=') && (end = strchr(at, ']')) != NULL) {
      if (length + (size_t)(end - at) + 1 >= sizeof inner) break;
      memcpy(inner + length, at, (size_t)(end - at) + 1);
      length += (size_t)(end - at) + 1;
      at = end;
      continue;
    }
    if (*at == '\\' && at[1] != '\0') {
      at++;
      one[0] = plain_escape(*at) != '\0' ? plain_escape(*at) : *at;
      if (class_of(*at) != NULL) text = class_of(*at);
      else if (isalnum((unsigned char)*at) && plain_escape(*at) == '\0') problem = "an escape in brackets that is not known here";
      if (text == one && (one[0] == ']' || one[0] == '-')) {
        *(one[0] == ']' ? &has_close : &has_dash) = true;
        continue;
      }
    } else if (*at == ']') {
      has_close = true;
      continue;
    }
    if (length + strlen(text) >= sizeof inner) break;
    memcpy(inner + length, text, strlen(text));
    length += strlen(text);
  }
  if (*at != ']') problem = "a bracket that is not closed, or too long";
  if (has_close) add_char(']');
  inner[length] = '\0';
  add(inner);
  if (has_dash) add_char('-');
  add_char(']');
  return *at == '\0' ? at - 1 : at;
}

static const char *escape(const char *at) {
  char c = *++at, negated[32];
  const char *inside = class_of((char)tolower((unsigned char)c));
  if (c == '\0') problem = "a backslash at the end";
  else if (inside != NULL && c != 'w' && c != 'W') {
    strcpy(negated, isupper((unsigned char)c) ? "[^" : "[");
    add(strcat(strcat(negated, inside), "]"));
  } else if (c == 'A' || c == 'z') add_char(c == 'A' ? '^' : '$');
  else if (plain_escape(c) != '\0') add_char(plain_escape(c));
  else if (isalpha((unsigned char)c) && strchr("bBwW", c) == NULL) problem = "an escape that is not known here";
  else {
    add_char('\\');
    add_char(c);
  }
  return c == '\0' ? at - 1 : at;
}

static bool is_interval(const char *at) {
  size_t digits = strspn(at + 1, "0123456789");
  const char *end = at + 1 + digits;
  if (digits == 0) return false;
  if (*end == ',') end += 1 + strspn(end + 1, "0123456789");
  return *end == '}';
}

static const char *group(const char *at, bool *ignore_case) {
  if (at[1] != '?') add_char('(');
  else if (at[2] == ':') {
    add_char('(');
    return at + 2;
  } else if (strncmp(at, "(?i)", 4) == 0) {
    *ignore_case = true;
    return at + 3;
  } else problem = "look-around and flags, which are not known here";
  return at;
}

char *translate_regex(const char *text, bool *ignore_case, const char **reason) {
  char *result = malloc(strlen(text) * 16 + 2048);
  if (result == NULL) return NULL;
  out = result;
  problem = NULL;
  bool after_repeat = false;
  for (const char *at = text; *at != '\0' && problem == NULL; at++) {
    bool repeats = false;
    if (*at == '[') at = bracket(at);
    else if (*at == '\\') at = escape(at);
    else if (*at == '(') at = group(at, ignore_case);
    else if (*at == '{' && is_interval(at)) {
      while (*at != '}') add_char(*at++);
      add_char('}');
      repeats = true;
    } else if (*at == '{' || *at == '}') {
      add_char('\\');
      add_char(*at);
      /* Lazy and possessive repeats match the same lines. */
    } else if (after_repeat && (*at == '?' || *at == '+')) repeats = false;
    else {
      repeats = strchr("*+?", *at) != NULL;
      add_char(*at);
    }
    after_repeat = repeats;
  }
  *out = '\0';
  *reason = problem;
  if (problem == NULL) return result;
  free(result);
  return NULL;
}
