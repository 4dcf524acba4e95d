#include "init.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct text *text, size_t more) {
  if (text->length + more + 1 <= text->capacity) return;
  text->capacity = (text->length + more + 1) * 2;
  text->data = realloc(text->data, text->capacity);
  if (text->data == NULL) die("out of memory");
}

void text_add(struct text *text, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int length = vsnprintf(NULL, 0, format, list);
  va_end(list);
  if (length < 0) die("cannot format the report");
  reserve(text, (size_t)length);
  va_start(list, format);
  vsnprintf(text->data + text->length, (size_t)length + 1, format, list);
  va_end(list);
  text->length += (size_t)length;
}

/* Bytes outside printable ASCII are written as the lone surrogates U+DCxx or as \u00xx: the host decodes paths from that. */
void text_add_json(struct text *text, const char *bytes, size_t length) {
  text_add(text, "\"");
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c == '"' || c == '\\') text_add(text, "\\%c", c);
    else if (c < 0x20 || c == 0x7f) text_add(text, "\\u%04x", c);
    else if (c >= 0x80) text_add(text, "\\udc%02x", c);
    else text_add(text, "%c", c);
  }
  text_add(text, "\"");
}
