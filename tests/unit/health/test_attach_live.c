/* Streams of containers, against a real engine. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "environments/hosts/engine_attach.h"
#include "environments/hosts/engine_one_off.h"
#include "support/errors.h"
#include "tests/unit/health/fixture.h"

TestSuite(attach, .init = fixture_require_engine, .timeout = 60);

#define MUST(call)                                                                                           \
  do {                                                                                                       \
    g_autoptr(GError) error = NULL;                                                                          \
    cr_assert(call, "%s", error == NULL ? "" : error->message);                                              \
  } while (0)

static void keep_line(const char *line, bool is_stderr, void *data) {
  g_string_append_printf(data, "%s %s\n", is_stderr ? "err" : "out", line);
}

static void keep_bytes(const char *bytes, gsize length, bool is_stderr, void *data) {
  (void)is_stderr;
  g_string_append_len(data, bytes, (gssize)length);
}

/* A pipe with that in it, and its end. */
static int input_of(const char *text) {
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  cr_assert_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
  close(ends[1]);
  return ends[0];
}

static bool has_heard(void *data) {
  return ((const GString *)data)->len > 0;
}

/* The end of what comes right before the end: docker logs -f loses that, too. */
Test(attach, logs_are_followed_to_the_end_of_the_container) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "logs");
  g_autoptr(GString) said = g_string_new(NULL);
  g_autofree char *id = fixture_start(
      &fixture, &(Service){.service = "web",
                           .command = "echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three; sleep 0.3"});
  const EngineLogs logs = {.follow = true, .tail = -1, .on_line = keep_line, .data = said};
  MUST(engine_follow_logs(fixture.engine, id, &logs, &error));
  cr_expect_str_eq(said->str, "out one\nerr two\nout three\n");
  g_string_truncate(said, 0);
  const EngineLogs last = {.tail = 1, .on_line = keep_line, .data = said};
  MUST(engine_follow_logs(fixture.engine, id, &last, &error));
  cr_expect_str_eq(said->str, "out three\n");
}

Test(attach, following_logs_can_be_ended) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "logs-cancelled");
  g_autoptr(GString) said = g_string_new(NULL);
  g_autofree char *id =
      fixture_start(&fixture, &(Service){.service = "web", .command = "echo one; sleep 1000"});
  const EngineLogs logs = {
      .follow = true, .tail = -1, .on_line = keep_line, .is_cancelled = has_heard, .data = said};
  MUST(engine_follow_logs(fixture.engine, id, &logs, &error));
  cr_expect_str_eq(said->str, "out one\n");
}

Test(attach, a_command_reads_its_input_to_the_end_and_tells_its_exit_code) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "exec");
  g_autoptr(GString) said = g_string_new(NULL);
  g_autofree char *id = fixture_start(&fixture, &(Service){.service = "web", .command = "sleep 1000"});
  static const char *const argv[] = {"sh", "-c", "tr a-z A-Z; exit 42", NULL};
  EngineExec exec = {.container = id, .argv = argv};
  exec.session = (EngineSession){.input = input_of("one\ntwo\n"), .on_output = keep_bytes, .data = said};
  int exit_code = 0;
  MUST(engine_exec_attached(fixture.engine, &exec, &exit_code, &error));
  cr_expect_str_eq(said->str, "ONE\nTWO\n");
  cr_expect_eq(exit_code, 42);
  close(exec.session.input);
}

/* Created as scripts/compose.sh does, and with the same mount. */
static char *make_template(Fixture *fixture) {
  g_autofree char *body = g_strdup_printf(
      "{\"Image\": \"slipway-test:1\", \"Env\": [\"COLOUR=red\"], \"Cmd\": [\"sh\", \"-c\", \"exit 9\"],"
      " \"Labels\": {\"com.docker.compose.project\": \"%s\", \"com.docker.compose.oneoff\": \"True\"},"
      " \"HostConfig\": {\"NetworkMode\": \"none\", \"Binds\": "
      "[\"/proc/slipway-template:/slipway-template\"]}}",
      fixture->project);
  g_autofree char *path = g_strdup_printf("/containers/create?name=%s-template", fixture->project);
  g_free(fixture_ask(fixture, "POST", path, body));
  return g_strdup_printf("%s-template", fixture->project);
}

static void expect_one_offs(Fixture *fixture, guint count) {
  g_autoptr(GPtrArray) left = NULL;
  MUST(engine_list_one_offs(fixture->engine, fixture->project, &left, &error));
  cr_assert_eq(left->len, count);
}

Test(attach, a_one_off_is_the_template_with_another_command) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "one-off");
  g_autoptr(GString) said = g_string_new(NULL);
  g_autofree char *template = make_template(&fixture);
  static const char *const argv[] = {"sh", "-c", "echo $COLOUR; cat; ls -d /slipway-template; exit 7", NULL};
  EngineOneOff order = {.template = template, .name = fixture.project, .argv = argv, .grace_s = 1};
  order.session = (EngineSession){.input = input_of("typed\n"), .on_output = keep_bytes, .data = said};
  g_autofree char *id = NULL;
  bool has_started = false;
  int exit_code = 0;
  MUST(engine_one_off_create(fixture.engine, &order, &id, &error));
  expect_one_offs(&fixture, 2);
  MUST(engine_one_off_run(fixture.engine, &order, id, &has_started, &exit_code, &error));
  cr_expect(g_str_has_prefix(said->str, "red\ntyped\nls: "), "%s", said->str);
  cr_expect_eq(exit_code, 7);
  MUST(engine_remove_container(fixture.engine, id, &error));
  MUST(engine_remove_container(fixture.engine, id, &error));
  MUST(engine_remove_container(fixture.engine, template, &error));
  expect_one_offs(&fixture, 0);
  close(order.session.input);
}

Test(attach, a_one_off_that_is_cancelled_is_stopped_first) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "one-off-cancelled");
  g_autoptr(GString) said = g_string_new(NULL);
  g_autofree char *template = make_template(&fixture);
  static const char *const argv[] = {"sh", "-c", "trap 'echo asked; exit 3' TERM; echo up; sleep 1000 & wait",
                                     NULL};
  EngineOneOff order = {.template = template, .name = fixture.project, .argv = argv, .grace_s = 10};
  order.session =
      (EngineSession){.input = -1, .on_output = keep_bytes, .is_cancelled = has_heard, .data = said};
  g_autofree char *id = NULL;
  bool has_started = false;
  int exit_code = 0;
  MUST(engine_one_off_create(fixture.engine, &order, &id, &error));
  MUST(engine_one_off_run(fixture.engine, &order, id, &has_started, &exit_code, &error));
  cr_expect_str_eq(said->str, "up\nasked\n");
  cr_expect_eq(exit_code, -1);
  MUST(engine_remove_container(fixture.engine, id, &error));
  MUST(engine_remove_container(fixture.engine, template, &error));
}

static void drop_bytes(const char *bytes, gsize length, bool is_stderr, void *data) {
  (void)bytes, (void)length, (void)is_stderr, (void)data;
}

static bool is_over(void *data) {
  return g_get_monotonic_time() >= *(const gint64 *)data;
}

Test(attach, a_one_off_that_closed_its_stdout_is_waited_for_until_the_session_is_cancelled) {
  static const struct {
    const char *rest;
    gint64 patience_ms;
    int exit_code;
  } rows[] = {{"sleep 1; exit 5", 50 * 1000, 5}, {"trap 'exit 3' TERM; sleep 1000 & wait", 1000, -1}};
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "one-off-closed");
  g_autofree char *template = make_template(&fixture);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *script = g_strdup_printf("exec >&- 2>&-; %s", rows[i].rest);
    const char *const argv[] = {"sh", "-c", script, NULL};
    gint64 end = g_get_monotonic_time() + rows[i].patience_ms * 1000;
    EngineOneOff order = {.template = template, .name = fixture.project, .argv = argv, .grace_s = 10};
    order.session =
        (EngineSession){.input = -1, .on_output = drop_bytes, .is_cancelled = is_over, .data = &end};
    g_autofree char *id = NULL;
    bool has_started = false;
    int exit_code = 0;
    MUST(engine_one_off_create(fixture.engine, &order, &id, &error));
    MUST(engine_one_off_run(fixture.engine, &order, id, &has_started, &exit_code, &error));
    cr_expect_eq(exit_code, rows[i].exit_code);
    MUST(engine_remove_container(fixture.engine, id, &error));
  }
  MUST(engine_remove_container(fixture.engine, template, &error));
}

Test(attach, a_command_that_is_not_there_says_so_before_it_starts) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "one-off-missing");
  g_autoptr(GString) said = g_string_new(NULL);
  g_autofree char *template = make_template(&fixture);
  static const char *const argv[] = {"no-such-program", NULL};
  EngineOneOff order = {.template = template, .name = fixture.project, .argv = argv};
  order.session = (EngineSession){.input = -1, .on_output = keep_bytes, .data = said};
  g_autofree char *id = NULL;
  g_autoptr(GError) problem = NULL;
  bool has_started = true;
  int exit_code = 0;
  MUST(engine_one_off_create(fixture.engine, &order, &id, &error));
  cr_assert_not(engine_one_off_run(fixture.engine, &order, id, &has_started, &exit_code, &problem));
  cr_expect(error_is(problem, SLIPWAY_ERROR_UNREADY));
  cr_expect(strstr(problem->message, "no-such-program") != NULL, "%s", problem->message);
  cr_expect_not(has_started);
  MUST(engine_remove_container(fixture.engine, id, &error));
  MUST(engine_remove_container(fixture.engine, template, &error));
}
