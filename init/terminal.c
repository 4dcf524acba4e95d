#define _GNU_SOURCE
#include "init.h"

#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool changed = false;

void quiet_terminal(void) {
  if (tcgetattr(STDIN_FILENO, &before) != 0) return;
  struct termios raw = before;
  cfmakeraw(&raw);
  changed = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void restore_terminal(void) {
  if (changed) tcsetattr(STDIN_FILENO, TCSANOW, &before);
  changed = false;
}
