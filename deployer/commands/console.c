/* Raw mode and back again, whatever happens. */
#include "deployer/commands/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "support/interrupt.h"

#include "support/poison.h"

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
  *console = (Console){0};
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before) != 0)
    return;
  struct termios raw = before;
  cfmakeraw(&raw);
  set_handlers(restore_and_die);
  console->is_terminal = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  is_raw = console->is_terminal ? 1 : 0;
}

void console_close(Console *console) {
  if (!console->is_terminal)
    return;
  restore();
  set_handlers(SIG_DFL);
  console->is_terminal = false;
}

/* A reader that has seen enough is no failure of the command's. */
static void write_all(int fd, const char *bytes, gsize length) {
  while (length > 0) {
    const ssize_t count = write(fd, bytes, length);
    struct pollfd full = {.fd = fd, .events = POLLOUT};
    if (count < 0 && errno == EAGAIN)
      (void)poll(&full, 1, -1);
    else if (count < 0 && errno != EINTR)
      return;
    if (count > 0) {
      bytes += count;
      length -= (gsize)count;
    }
  }
}

static void show(const char *bytes, gsize length, bool is_stderr, void *data) {
  (void)data;
  write_all(is_stderr ? STDERR_FILENO : STDOUT_FILENO, bytes, length);
}

static bool is_cancelled(void *data) {
  (void)data;
  return interrupt_requested();
}

static bool terminal_size(guint *rows, guint *columns) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
    return false;
  *rows = size.ws_row;
  *columns = size.ws_col;
  return true;
}

EngineSession console_session(const Console *console) {
  return (EngineSession){.is_terminal = console->is_terminal,
                         .input = STDIN_FILENO,
                         .on_output = show,
                         .is_cancelled = is_cancelled,
                         .terminal_size = console->is_terminal ? terminal_size : NULL};
}
