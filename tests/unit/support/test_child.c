/* support/child: a program is heard line by line, and ended with all that it started. */
#include "support/child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/redact.h"
#include "support/text.h"

typedef struct {
  GString *heard;        /* lines, each with "|" behind it */
  const char *cancel_at; /* a line that makes is_cancelled true, or NULL */
  bool is_cancelled;
} Listener;

static void hear(const char *line, void *data) {
  Listener *listener = data;
  g_string_append_printf(listener->heard, "%s|", line);
  if (g_strcmp0(line, listener->cancel_at) == 0)
    listener->is_cancelled = true;
}

static bool is_cancelled(void *data) {
  return ((const Listener *)data)->is_cancelled;
}

static bool run_argv(const char *const *argv, gint64 timeout_ms, Listener *listener, GError **error) {
  g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "GIVEN", "to it", TRUE);
  ChildOrder order = {.argv = argv,
                      .environment = (const char *const *)environment,
                      .directory = "/tmp",
                      .timeout_ms = timeout_ms,
                      .is_cancelled = is_cancelled,
                      .on_line = hear,
                      .data = listener};
  listener->heard = g_string_new(NULL);
  return child_run(&order, error);
}

static bool run(const char *script, gint64 timeout_ms, Listener *listener, GError **error) {
  const char *argv[] = {"sh", "-c", script, NULL};
  return run_argv(argv, timeout_ms, listener, error);
}

static void expect_heard(const Listener *listener, const char *expected) {
  cr_assert_str_eq(listener->heard->str, expected);
  g_string_free(listener->heard, TRUE);
}

static void expect_failure(GError *error, SlipwayErrorKind kind, const char *message) {
  cr_assert(error_is(error, kind), "%s", error->message);
  cr_assert_str_eq(error->message, message);
  g_error_free(error);
}

/* A process that is gone, or is waited for by nobody but init. */
static bool is_gone(gint64 pid) {
  g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
  g_autofree char *stat = NULL;
  return !g_file_get_contents(path, &stat, NULL, NULL) || strstr(stat, ") Z ") != NULL;
}

Test(child, tells_how_it_ended_by_itself) {
  static const struct {
    const char *script;
    int exit_code;
  } rows[] = {{"exit 0", 0}, {"exit 7", 7}, {"kill -TERM $$", 128 + SIGTERM}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    const char *argv[] = {"sh", "-c", rows[i].script, NULL};
    int exit_code = -1;
    const ChildOrder order = {.argv = argv,
                              .environment = (const char *const *)environ,
                              .directory = "/tmp",
                              .timeout_ms = 60000,
                              .exit_code = &exit_code};
    cr_expect_eq(child_run(&order, NULL), rows[i].exit_code == 0);
    cr_expect_eq(exit_code, rows[i].exit_code);
  }
}

Test(child, is_heard_line_by_line_and_printable) {
  Listener listener = {0};
  cr_assert(run("pwd; echo \"$GIVEN\"; printf 'a\\033b\\r\\n' >&2; cat; printf end", 60000, &listener, NULL));
  expect_heard(&listener, "/tmp|to it|a?b|end|");
}

Test(child, a_line_without_end_comes_in_pieces) {
  Listener listener = {0};
  cr_assert(run("head -c 2500 /dev/zero | tr '\\000' x", 60000, &listener, NULL));
  cr_assert_eq(listener.heard->len, 2503);
  cr_assert_eq(listener.heard->str[1000], '|');
  g_string_free(listener.heard, TRUE);
}

Test(child, that_fails_says_how_and_its_last_lines) {
  static const struct {
    const char *script, *message;
  } failures[] = {
      {"echo one; echo two; exit 3", "exit status 3:\n  one\n  two"},
      {"exit 1", "exit status 1"},
      {"kill -SEGV $$", "ended by signal 11 (Segmentation fault)"},
      {"seq 1000 | tail -n 30; exit 9",
       "exit status 9:\n  981\n  982\n  983\n  984\n  985\n  986\n  987\n  988\n  989\n  990\n  991\n  992\n"
       "  993\n  994\n  995\n  996\n  997\n  998\n  999\n  1000"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(failures); i++) {
    Listener listener = {0};
    GError *error = NULL;
    cr_assert_not(run(failures[i].script, 60000, &listener, &error));
    expect_failure(error, SLIPWAY_ERROR_DEPLOY, failures[i].message);
    g_string_free(listener.heard, TRUE);
  }
}

Test(child, that_cannot_be_started_is_named) {
  const char *argv[] = {"./no-such-program", NULL};
  Listener listener = {0};
  GError *error = NULL;
  cr_assert_not(run_argv(argv, 60000, &listener, &error));
  expect_failure(error, SLIPWAY_ERROR_DEPLOY,
                 "./no-such-program cannot be started: No such file or directory");
  g_string_free(listener.heard, TRUE);
}

Test(child, that_takes_too_long_is_ended) {
  Listener listener = {0};
  GError *error = NULL;
  cr_assert_not(run("echo begun; sleep 1000", 1500, &listener, &error));
  expect_failure(error, SLIPWAY_ERROR_DEPLOY, "it took longer than 1500ms and was ended:\n  begun");
  g_string_free(listener.heard, TRUE);
}

/* SIGKILL takes a moment to be felt. */
static bool becomes_gone(gint64 pid) {
  gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
  while (!is_gone(pid) && g_get_monotonic_time() < deadline)
    g_usleep(10000);
  return is_gone(pid);
}

/* One that does not listen to SIGTERM, and its own child. */
Test(child, is_ended_with_all_that_it_started) {
  Listener listener = {.cancel_at = "ready"};
  GError *error = NULL;
  cr_assert_not(
      run("trap '' TERM; sleep 1000 & echo $! $$; echo ready; wait; sleep 1000", 60000, &listener, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_INTERRUPTED));
  cr_assert(g_str_has_prefix(error->message, "interrupted, and ended"), "%s", error->message);
  g_auto(GStrv) words = g_strsplit_set(listener.heard->str, " |", 3);
  for (guint i = 0; i < 2; i++) {
    gint64 pid = 0;
    cr_assert(number_parse(words[i], 2, G_MAXINT, &pid), "%s", words[i]);
    cr_assert(becomes_gone(pid));
  }
  g_error_free(error);
  g_string_free(listener.heard, TRUE);
}

Test(child, what_stays_in_the_background_is_not_waited_for) {
  Listener listener = {0};
  cr_assert(run("sleep 1000 & echo $!", 60000, &listener, NULL));
  gint64 pid = 0;
  g_strdelimit(listener.heard->str, "|", '\0');
  cr_assert(number_parse(listener.heard->str, 2, G_MAXINT, &pid));
  cr_assert_not(is_gone(pid));
  kill((pid_t)pid, SIGKILL);
  g_string_free(listener.heard, TRUE);
}

Test(child, a_program_is_looked_for_before) {
  static const struct {
    const char *name, *message;
  } wrong[] = {
      {"no-such-program", "no-such-program: not found in $PATH"},
      {"./tool", "./tool: not found (a path is relative to slipway.yml)"},
      {"./text", "./text: Permission denied; is it executable?"},
      {"./", "./: not found (a path is relative to slipway.yml)"},
  };
  g_autofree char *folder = g_dir_make_tmp("slipway-child-XXXXXX", NULL);
  g_autofree char *text = g_build_filename(folder, "text", NULL);
  cr_assert(g_file_set_contents(text, "x", 1, NULL));
  cr_assert(child_check_program("sh", folder, NULL));
  cr_assert(child_check_program("/bin/sh", folder, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    GError *error = NULL;
    cr_assert_not(child_check_program(wrong[i].name, folder, &error));
    expect_failure(error, SLIPWAY_ERROR_CONFIG, wrong[i].message);
  }
  cr_assert_eq(g_chmod(text, 0700), 0);
  cr_assert(child_check_program("./text", folder, NULL));
  g_remove(text);
  g_remove(folder);
}

static bool run_for_answer(const char *script, gsize cap, SecretText **answer, GError **error) {
  const char *argv[] = {"sh", "-c", script, NULL};
  g_auto(GStrv) environment = g_get_environ();
  Listener listener = {.heard = g_string_new(NULL)};
  ChildOrder order = {.argv = argv,
                      .environment = (const char *const *)environment,
                      .directory = "/tmp",
                      .timeout_ms = 60000,
                      .on_line = hear,
                      .data = &listener,
                      .output = answer,
                      .output_cap = cap};
  bool ok = child_run(&order, error);
  cr_assert(strstr(listener.heard->str, "out") == NULL, "%s", listener.heard->str);
  g_string_free(listener.heard, TRUE);
  return ok;
}

Test(child, that_is_asked_for_an_answer_is_heard_on_stderr_only) {
  g_autoptr(SecretText) answer = secret_text_new();
  g_autoptr(GError) error = NULL;
  cr_assert(run_for_answer("printf 'out\\n\\0\\n'; echo err >&2", 6, &answer, &error));
  cr_assert_eq(answer->len, 6);
  cr_assert_arr_eq(answer->str, "out\n\0\n", 6);
  secret_text_free(answer);
  answer = secret_text_new();
  cr_assert(run_for_answer("head -c 300000 /dev/zero", 300000, &answer, &error));
  cr_assert_eq(answer->len, 300000);
  secret_text_free(answer);
  answer = secret_text_new();
  cr_assert(!run_for_answer("echo out; echo err >&2; exit 4", 100, &answer, &error));
  cr_assert_str_eq(error->message, "exit status 4:\n  err");
}

Test(child, whose_answer_is_too_long_is_ended) {
  g_autoptr(SecretText) answer = secret_text_new();
  g_autoptr(GError) error = NULL;
  cr_assert(!run_for_answer("yes", 1000, &answer, &error));
  cr_assert(strstr(error->message, "it wrote more than 1000 bytes") != NULL, "%s", error->message);
  cr_assert_leq(answer->len, 1000);
}

Test(child, does_not_show_a_secret_that_is_known) {
  Listener listener = {0};
  GError *error = NULL;
  redact_add("s3cret-value", 12);
  cr_assert(
      !run("head -c 995 /dev/zero | tr '\\000' x; echo s3cret-value; exit 1", 60000, &listener, &error));
  cr_assert(strstr(error->message, "xxx***") != NULL && strstr(error->message, "s3c") == NULL, "%s",
            error->message);
  g_error_free(error);
  g_string_free(listener.heard, TRUE);
}

/* More than a pipe holds, and the program need not read it. */
Test(child, reads_its_input_to_the_end_or_not_at_all) {
  enum { LONG = 300000 };
  g_autofree char *input = g_strnfill(LONG, 'x');
  g_autoptr(GError) error = NULL;
  Listener listener = {.heard = g_string_new(NULL)};
  const char *const scripts[] = {"wc -c", "echo unread"};
  for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
    const char *argv[] = {"sh", "-c", scripts[i], NULL};
    g_auto(GStrv) environment = g_get_environ();
    ChildOrder order = {.argv = argv,
                        .environment = (const char *const *)environment,
                        .directory = "/tmp",
                        .timeout_ms = 10000,
                        .on_line = hear,
                        .data = &listener,
                        .input = input};
    cr_assert(child_run(&order, &error), "%s", error == NULL ? "" : error->message);
  }
  expect_heard(&listener, "300000|unread|");
}
