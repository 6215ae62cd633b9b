/* deployer/commands/console: what a command elsewhere writes, on the user's stdout. */
#include "deployer/commands/console.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "support/interrupt.h"
#include "support/redact.h"

TestSuite(console, .timeout = 60);

static const char first_part[] = "key=lock-and-", second_part[] = "barrel;";

/* A terminal's, but stdout is a pipe, whose other end is returned. */
static int open_console(Console *console) {
  int ends[2];
  cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
  cr_assert_geq(dup2(ends[1], STDOUT_FILENO), 0);
  close(ends[1]);
  redact_add("lock-and-barrel", strlen("lock-and-barrel"));
  *console = (Console){.is_terminal = true, .redact = {redact_stream_new(), redact_stream_new()}};
  return ends[0];
}

static void expect_shown(int reader, const char *expected) {
  char bytes[256] = {0};
  struct pollfd shown = {.fd = reader, .events = POLLIN};
  if (poll(&shown, 1, 0) > 0)
    cr_assert_geq(read(reader, bytes, sizeof bytes - 1), 0);
  cr_assert_str_eq(bytes, expected);
}

/* As engine_session.c does: it asks after every arrival. */
static void arrive(const EngineSession *session, const char *bytes) {
  session->on_output(bytes, strlen(bytes), false, session->data);
  for (guint i = 0; i < 3; i++)
    cr_assert_not(session->is_cancelled(session->data));
}

Test(console, a_secret_in_two_arrivals_is_not_shown) {
  g_auto(Console) console = {0};
  const int reader = open_console(&console);
  const EngineSession session = console_session(&console);
  arrive(&session, first_part);
  arrive(&session, second_part);
  expect_shown(reader, "key=***;");
}

Test(console, what_could_become_a_secret_is_shown_when_nothing_more_comes) {
  g_auto(Console) console = {0};
  const int reader = open_console(&console);
  const EngineSession session = console_session(&console);
  struct pollfd shown = {.fd = reader, .events = POLLIN};
  session.on_output("lock", 4, false, session.data);
  while (poll(&shown, 1, 10) == 0)
    cr_assert_not(session.is_cancelled(session.data));
  expect_shown(reader, "lock");
}

Test(console, a_signal_ends_it_behind_a_reader_that_has_stalled) {
  g_auto(Console) console = {0};
  const int reader = open_console(&console);
  const EngineSession session = console_session(&console);
  g_autofree char *much = g_strnfill(4 << 20, 'x');
  interrupt_install();
  raise(SIGTERM);
  session.on_output(much, strlen(much), false, session.data);
  cr_assert(session.is_cancelled(session.data));
  close(reader);
}
