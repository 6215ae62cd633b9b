/* The user's own terminal, pipes or files as the stdin and stdout of a command elsewhere. */
#pragma once

#include "environments/hosts/engine_attach.h"
#include "support/redact.h"

typedef struct {
  bool is_terminal;        /* stdin and stdout are a terminal: it is in raw mode while the console is open */
  RedactStream *redact[2]; /* stdout, stderr: secrets that are known are not shown */
  gint64 heard;            /* monotonic: when something came last; 0: nothing did since all was shown */
} Console;

/* One at a time. The terminal is put back by console_close, and when a signal ends slipway. */
void console_open(Console *console);
void console_close(Console *console);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Console, console_close)

/* The end of a line on the user's terminal, which may be in raw mode. */
const char *console_newline(void);

/* Whose input and output is the console. It is cancelled by a signal (Ctrl-C in a terminal is none: it goes
 * to the command), and when nobody reads stdout any more. */
EngineSession console_session(Console *console);
