/* Raw mode and back again, whatever happens. */
#include "deployer/commands/console.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "support/interrupt.h"

#include "support/poison.h"

/* SILENCE_MS: what arrives in several pieces is one text as long as the gaps are shorter. */
enum { LOOK_MS = 100, SILENCE_MS = 100 };

/* For the signal handler. */
static struct termios before;
static volatile sig_atomic_t is_raw;

/* SIGINT and SIGTERM set a flag (interrupt.h) and end the session in good order; these end slipway. */
static const int fatal_signals[] = {SIGHUP, SIGQUIT, SIGABRT};

static void restore(void) {
  if (is_raw != 0)
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  is_raw = 0;
}

static void restore_and_die(int signal_number) {
  if (is_raw != 0)
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before); /* async-signal-safe, as is raise */
  (void)signal(signal_number, SIG_DFL);
  (void)raise(signal_number);
}

static void set_handlers(void (*handler)(int signal_number)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  for (guint i = 0; i < G_N_ELEMENTS(fatal_signals); i++)
    (void)sigaction(fatal_signals[i], &action, NULL);
}

void console_open(Console *console) {
  *console = (Console){.redact = {redact_stream_new(), redact_stream_new()}};
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before) != 0)
    return;
  struct termios raw = before;
  cfmakeraw(&raw);
  set_handlers(restore_and_die);
  console->is_terminal = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  is_raw = console->is_terminal ? 1 : 0;
}

/* Whoever read stdout has seen enough. */
static bool is_unread;

/* No write waits, so that a signal ends slipway behind a reader that has stalled: what that one does not take
 * is lost then. (A pipe that is ready takes PIPE_BUF bytes.) */
static void write_all(int fd, const char *bytes, gsize length) {
  while (length > 0) {
    struct pollfd full = {.fd = fd, .events = POLLOUT};
    const bool is_ready = poll(&full, 1, LOOK_MS) > 0;
    if (!is_ready && interrupt_requested())
      return;
    const ssize_t count = is_ready ? write(fd, bytes, MIN(length, PIPE_BUF)) : 0;
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      is_unread |= fd == STDOUT_FILENO && errno == EPIPE;
      return;
    }
    if (count > 0) {
      bytes += count;
      length -= (gsize)count;
    }
  }
}

static void show(const char *bytes, gsize length, bool is_stderr, void *data) {
  Console *console = data;
  g_autoptr(GString) shown = g_string_new(NULL);
  console->heard = g_get_monotonic_time();
  redact_stream_add(console->redact[is_stderr ? 1 : 0], bytes, length, shown);
  write_all(is_stderr ? STDERR_FILENO : STDOUT_FILENO, shown->str, shown->len);
}

static void show_held(Console *console) {
  static const int descriptors[] = {STDOUT_FILENO, STDERR_FILENO};
  for (guint i = 0; i < G_N_ELEMENTS(descriptors); i++) {
    g_autoptr(GString) shown = g_string_new(NULL);
    redact_stream_flush(console->redact[i], shown);
    write_all(descriptors[i], shown->str, shown->len);
  }
}

void console_close(Console *console) {
  if (console->redact[0] == NULL) /* it is closed */
    return;
  show_held(console);
  for (guint i = 0; i < G_N_ELEMENTS(console->redact); i++)
    g_clear_pointer(&console->redact[i], redact_stream_free);
  if (!console->is_terminal)
    return;
  restore();
  set_handlers(SIG_DFL);
  console->is_terminal = false;
}

/* At a prompt nothing more comes, and what somebody types is echoed: what could have become a secret by then
 * is shown. */
static bool is_cancelled(void *data) {
  Console *console = data;
  if (console->is_terminal && console->heard != 0 &&
      g_get_monotonic_time() - console->heard >= SILENCE_MS * 1000) {
    show_held(console);
    console->heard = 0;
  }
  return interrupt_requested() || is_unread;
}

const char *console_newline(void) {
  return is_raw != 0 ? "\r\n" : "\n";
}

static bool terminal_size(guint *rows, guint *columns) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
    return false;
  *rows = size.ws_row;
  *columns = size.ws_col;
  return true;
}

EngineSession console_session(Console *console) {
  return (EngineSession){.is_terminal = console->is_terminal,
                         .input = STDIN_FILENO,
                         .on_output = show,
                         .is_cancelled = is_cancelled,
                         .data = console,
                         .terminal_size = console->is_terminal ? terminal_size : NULL};
}
