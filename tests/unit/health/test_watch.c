/* The watch against a real engine: each behaviour of a container that design §6 names. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "healthchecks/health.h"
#include "support/errors.h"
#include "tests/unit/health/fixture.h"

TestSuite(watch, .init = fixture_require_engine, .timeout = 40);

/* Busy machines are slow: a verdict that is "at once" is one that comes well before these would give it. */
enum { LONG_BEFORE_ANY_DEADLINE = 20000 };
static const HealthConfig quick = {.deadline_ms = 30000, .settle_ms = 300, .restarts = 2, .early = true};

static void note_state(const char *service, const char *state, void *data) {
  g_string_append_printf(data, "%s=%s;", service, state);
}

/* Starts one service under watch and waits. Gives the milliseconds from its start to the verdict. */
typedef struct {
  bool is_well;
  GError *error;
  gint64 took_ms;
  GString *told;
} Outcome;

static void outcome_clear(Outcome *outcome) {
  g_clear_error(&outcome->error);
  g_string_free(outcome->told, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static Outcome wait_for(HealthWatch *watch, const HealthConfig *config) {
  Outcome outcome = {.told = g_string_new(NULL)};
  const HealthHooks hooks = {.on_state = note_state, .data = outcome.told};
  gint64 before = g_get_monotonic_time();
  outcome.is_well = health_wait(watch, config, &hooks, &outcome.error);
  outcome.took_ms = (g_get_monotonic_time() - before) / 1000;
  return outcome;
}

static Outcome run(const char *project, const Service *service, const HealthConfig *config) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, project);
  g_autoptr(HealthWatch) watch = NULL;
  cr_assert(health_watch_new(fixture.engine, project, &watch, NULL));
  g_free(fixture_start(&fixture, service));
  return wait_for(watch, config);
}

static void expect_well(const Outcome *outcome) {
  cr_assert(outcome->is_well, "%s", outcome->error == NULL ? "" : outcome->error->message);
}

static void expect_failed(const Outcome *outcome, const char *const *fragments) {
  cr_assert(!outcome->is_well);
  cr_expect(error_is(outcome->error, SLIPWAY_ERROR_DEPLOY), "%s", outcome->error->message);
  for (; *fragments != NULL; fragments++)
    cr_expect(strstr(outcome->error->message, *fragments) != NULL, "\"%s\" lacks \"%s\"",
              outcome->error->message, *fragments);
}

#define FRAGMENTS(...)                                                                                       \
  (const char *const[]) {                                                                                    \
    __VA_ARGS__, NULL                                                                                        \
  }

Test(watch, a_slow_start_is_known_when_it_is_ready_not_an_interval_later) {
  g_auto(Outcome) outcome = run(
      "slow",
      &(Service){.service = "web", .command = "sleep 2; touch /ok; exec sleep 60", .check = "test -e /ok"},
      &(HealthConfig){.deadline_ms = 20000, .settle_ms = 0, .early = true});
  expect_well(&outcome);
  cr_expect(outcome.took_ms >= 1500, "took %d ms", (int)outcome.took_ms);
  cr_expect_str_eq(outcome.told->str, "web=starting;web=healthy;");
}

Test(watch, without_early_probes_it_is_the_engines_word_that_counts) {
  g_auto(Outcome) outcome = run(
      "word", &(Service){.service = "web", .command = "exec sleep 60", .check = "true", .interval_ms = 1500},
      &(HealthConfig){.deadline_ms = 20000, .settle_ms = 0, .early = false});
  expect_well(&outcome);
  cr_expect(outcome.took_ms >= 1300, "took %d ms", (int)outcome.took_ms);
}

Test(watch, an_unhealthy_container_fails_at_once_with_probe_and_log) {
  g_auto(Outcome) outcome = run("ill",
                                &(Service){.service = "web",
                                           .command = "echo to the log; echo and stderr >&2; exec sleep 60",
                                           .check = "echo no database; false",
                                           .interval_ms = 300,
                                           .retries = 2},
                                &quick);
  expect_failed(&outcome, FRAGMENTS("web: unhealthy after 2 failed probes\n", "\n  probe: no database",
                                    "\n  log: to the log", "\n  log: and stderr"));
  cr_expect(outcome.took_ms < LONG_BEFORE_ANY_DEADLINE, "took %d ms", (int)outcome.took_ms);
}

Test(watch, a_container_that_exits_at_once_fails_at_once) {
  g_auto(Outcome) outcome =
      run("exits", &(Service){.service = "fpm", .command = "echo cannot bind; exit 3"}, &quick);
  expect_failed(&outcome, FRAGMENTS("fpm: exited with 3, restart policy no\n  log: cannot bind"));
  cr_expect(outcome.took_ms < LONG_BEFORE_ANY_DEADLINE, "took %d ms", (int)outcome.took_ms);
}

Test(watch, a_container_that_never_becomes_healthy_fails_at_the_deadline) {
  g_auto(Outcome) outcome =
      run("never",
          &(Service){.service = "web", .command = "exec sleep 60", .check = "echo waiting for db; false"},
          &(HealthConfig){.deadline_ms = 1500, .settle_ms = 0, .early = true});
  expect_failed(&outcome, FRAGMENTS("web: not healthy after 1500ms\n", "\n  probe: waiting for db"));
  cr_expect(outcome.took_ms >= 1200, "took %d ms", (int)outcome.took_ms);
}

Test(watch, a_container_that_crashes_twice_and_then_runs_is_well) {
  g_auto(Outcome) outcome = run(
      "twice",
      &(Service){.service = "web",
                 .command = "echo x >>/count; test $(busybox wc -l </count) -gt 2 || exit 1; exec sleep 60",
                 .policy = "always"},
      &(HealthConfig){.deadline_ms = 20000, .settle_ms = 1000, .restarts = 2, .early = true});
  expect_well(&outcome);
  cr_expect(g_str_has_suffix(outcome.told->str, "web=running;"), "%s", outcome.told->str);
}

Test(watch, a_container_that_keeps_crashing_fails_when_it_has_done_so_too_often) {
  g_auto(Outcome) outcome =
      run("loop", &(Service){.service = "web", .command = "echo oops; exit 7", .policy = "always"},
          &(HealthConfig){.deadline_ms = 20000, .settle_ms = 2000, .restarts = 1, .early = true});
  expect_failed(&outcome, FRAGMENTS("web: restarted 2 times (at most 1)", "\n  log: oops"));
}

Test(watch, a_one_shot_that_exits_0_is_well) {
  g_auto(Outcome) outcome =
      run("once", &(Service){.service = "migrate", .command = "sleep 0.2; exit 0"},
          &(HealthConfig){.deadline_ms = 60000, .settle_ms = 30000, .restarts = 2, .early = true});
  expect_well(&outcome);
  cr_expect(outcome.took_ms < LONG_BEFORE_ANY_DEADLINE, "took %d ms", (int)outcome.took_ms);
  cr_expect(g_str_has_suffix(outcome.told->str, "migrate=exited 0;"), "%s", outcome.told->str);
}

Test(watch, a_crash_while_settling_is_seen) {
  g_auto(Outcome) outcome =
      run("late", &(Service){.service = "web", .command = "sleep 0.8; exit 1"},
          &(HealthConfig){.deadline_ms = 60000, .settle_ms = 30000, .restarts = 2, .early = true});
  expect_failed(&outcome, FRAGMENTS("web: exited with 1"));
  cr_expect(outcome.took_ms < LONG_BEFORE_ANY_DEADLINE, "took %d ms", (int)outcome.took_ms);
}

Test(watch, what_was_well_before_is_well_at_once_and_its_successor_is_watched_instead) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "before");
  const Service service = {.service = "web", .command = "exec sleep 60"};
  const HealthConfig settling = {.deadline_ms = 30000, .settle_ms = 3000, .restarts = 2, .early = true};
  g_autofree char *old = fixture_start(&fixture, &service);
  g_autoptr(HealthWatch) unchanged = NULL;
  cr_assert(health_watch_new(fixture.engine, "before", &unchanged, NULL));
  g_auto(Outcome) first = wait_for(unchanged, &settling);
  expect_well(&first);
  cr_expect(first.took_ms < 2500, "took %d ms", (int)first.took_ms);

  g_autoptr(HealthWatch) replaced = NULL;
  cr_assert(health_watch_new(fixture.engine, "before", &replaced, NULL));
  fixture_remove(&fixture, old);
  g_free(fixture_start(&fixture, &service));
  g_auto(Outcome) second = wait_for(replaced, &settling);
  expect_well(&second);
  cr_expect(second.took_ms > 2500, "took %d ms", (int)second.took_ms);
}

static bool always(void *data) {
  (void)data;
  return true;
}

Test(watch, it_can_be_cancelled) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "cancel");
  g_autoptr(HealthWatch) watch = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(health_watch_new(fixture.engine, "cancel", &watch, NULL));
  g_free(fixture_start(&fixture, &(Service){.service = "web", .command = "exec sleep 60", .check = "false"}));
  cr_assert(!health_wait(watch, &quick, &(HealthHooks){.is_cancelled = always}, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_INTERRUPTED));
  cr_assert(strstr(error->message, "interrupted") != NULL);
}

Test(watch, http_checks_are_repeated_until_the_deadline) {
  g_autoptr(GPtrArray) urls = g_ptr_array_new();
  HttpCheck check = {.url = (char *)"http://127.0.0.1:1/ping", .expect = 200};
  g_ptr_array_add(urls, &check);
  g_auto(Outcome) outcome = run("http", &(Service){.service = "web", .command = "exec sleep 60"},
                                &(HealthConfig){.deadline_ms = 1200, .settle_ms = 0, .http = urls});
  expect_failed(&outcome, FRAGMENTS("http://127.0.0.1:1/ping: Failed to connect", "(still after 1200ms)"));
  cr_expect(outcome.took_ms >= 900, "took %d ms", (int)outcome.took_ms);
}

Test(watch, a_probe_that_takes_longer_than_the_images_timeout_is_not_believed) {
  g_auto(Outcome) outcome = run(
      "hangs",
      &(Service){.service = "web", .command = "exec sleep 60", .check = "sleep 1; true", .timeout_ms = 300},
      &(HealthConfig){.deadline_ms = 2000, .settle_ms = 0, .early = true});
  expect_failed(&outcome, FRAGMENTS("web: not healthy after 2s\n", "\n  probe: (no answer within 300 ms)"));
}

Test(watch, a_service_is_as_well_as_the_worst_of_its_containers) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "two");
  g_autoptr(HealthWatch) watch = NULL;
  cr_assert(health_watch_new(fixture.engine, "two", &watch, NULL));
  const char *const commands[] = {"touch /ok; exec sleep 60", "sleep 1; touch /ok; exec sleep 60"};
  for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
    g_free(fixture_start(&fixture,
                         &(Service){.service = "web", .command = commands[i], .check = "test -e /ok"}));
  g_auto(Outcome) outcome =
      wait_for(watch, &(HealthConfig){.deadline_ms = 10000, .settle_ms = 0, .early = true});
  expect_well(&outcome);
  cr_expect_str_eq(outcome.told->str, "web=starting;web=healthy;");
}

/* Answers each connection with the next status; the last one again and again. */
typedef struct {
  int listener;
  guint statuses[2];
} Application;

static void *answer(void *data) {
  const Application *application = data;
  char bytes[4096];
  for (guint i = 0;; i++) {
    int connection = accept4(application->listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0)
      return NULL;
    g_autofree char *text =
        g_strdup_printf("HTTP/1.1 %u X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
                        application->statuses[MIN(i, 1)]);
    if (recv(connection, bytes, sizeof bytes, 0) > 0)
      (void)send(connection, text, strlen(text), MSG_NOSIGNAL);
    close(connection);
  }
}

Test(watch, an_http_check_that_answers_at_last_is_enough) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  Application application = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                             .statuses = {503, 204}};
  cr_assert(bind(application.listener, (struct sockaddr *)&address, length) == 0);
  cr_assert(getsockname(application.listener, (struct sockaddr *)&address, &length) == 0);
  cr_assert(listen(application.listener, 8) == 0);
  GThread *thread = g_thread_new("application", answer, &application);
  g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/ping", ntohs(address.sin_port));
  g_autoptr(GPtrArray) urls = g_ptr_array_new();
  HttpCheck here = {.url = url, .expect = 204},
            controller = {.url = url, .expect = 204, .from_controller = true};
  g_ptr_array_add(urls, &here);
  g_ptr_array_add(urls, &controller);
  g_auto(Outcome) outcome = run("answers", &(Service){.service = "web", .command = "exec sleep 60"},
                                &(HealthConfig){.deadline_ms = 10000, .settle_ms = 0, .http = urls});
  shutdown(application.listener, SHUT_RDWR);
  g_thread_join(thread);
  close(application.listener);
  expect_well(&outcome);
  cr_expect(strstr(outcome.told->str, "answered 503, expected 204") != NULL, "%s", outcome.told->str);
}
