/* output/reporter: plain lines and events on fake clocks, and the terminal's lines as a pure function. */
#include "deployer/output/reporter.h"

#include <criterion/criterion.h>
#include <string.h>

#include "deployer/output/columns.h"
#include "deployer/output/reporter_style.h"
#include "support/json.h"

static gint64 wall_now, elapsed_now;

static gint64 fake_wall(void) {
  return wall_now;
}

static gint64 fake_elapsed(void) {
  return elapsed_now;
}

static void pass_seconds(int seconds) {
  wall_now += seconds * G_USEC_PER_SEC;
  elapsed_now += seconds * G_USEC_PER_SEC;
}

typedef struct {
  char *text;
  size_t length;
  FILE *file;
  Reporter *reporter;
} Capture;

/* The stream keeps the addresses of text and length: a Capture is not copied. */
static void begin(Capture *capture, ReporterOptions options) {
  cr_assert(g_setenv("TZ", "UTC", TRUE));
  wall_now = G_GINT64_CONSTANT(1795249862) * G_USEC_PER_SEC; /* 08:31:02 */
  elapsed_now = G_USEC_PER_SEC;
  capture->file = open_memstream(&capture->text, &capture->length);
  const ReporterStreams streams = {.messages = capture->file,
                                   .results = capture->file,
                                   .clock = {.wall = fake_wall, .elapsed = fake_elapsed}};
  capture->reporter = reporter_new_on(&options, &streams);
}

static void start(Reporter *reporter) {
  g_autoptr(GPtrArray) hosts = g_ptr_array_new();
  g_ptr_array_add(hosts, (gpointer) "web1");
  g_ptr_array_add(hosts, (gpointer) "queue1");
  reporter_start(reporter, "prod: deploy r7", hosts);
}

static void end(Capture *capture) {
  reporter_free(capture->reporter);
  (void)fclose(capture->file);
}

static void expect(Capture *capture, const char *expected) {
  end(capture);
  cr_assert_str_eq(capture->text, expected);
  free(capture->text);
}

Test(plain, tells_each_step_with_time_host_and_duration) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){0});
  start(capture.reporter);
  reporter_phase(capture.reporter, "prepare");
  reporter_step_begin(capture.reporter, "web1", "upload");
  reporter_step_end(capture.reporter, "web1", "upload", true, NULL, 120);
  pass_seconds(3);
  reporter_step_end(capture.reporter, "queue1", "pull", false, "manifest unknown", 3000);
  reporter_host_done(capture.reporter, "web1", true, "healthy in 1.2s");
  reporter_warn(capture.reporter, "the clock is late");
  expect(&capture, "08:31:02 prod: deploy r7\n"
                   "08:31:02 -- prepare\n"
                   "08:31:02 web1    upload ok, 0.1s\n"
                   "08:31:05 queue1  pull FAILED, 3.0s: manifest unknown\n"
                   "08:31:05 web1    done: healthy in 1.2s\n"
                   "08:31:05 warning: the clock is late\n");
}

Test(plain, tells_progress_of_a_pull_at_most_every_five_seconds) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){0});
  reporter_pull(capture.reporter, "web2", 1000000, 40100000);
  pass_seconds(4);
  reporter_pull(capture.reporter, "web2", 9000000, 40100000);
  pass_seconds(1);
  reporter_pull(capture.reporter, "web2", 12300000, 40100000);
  expect(&capture, "08:31:02 web2  pull 1.0 of 40.1 MB\n"
                   "08:31:07 web2  pull 12.3 of 40.1 MB\n");
}

Test(plain, tells_health_when_it_changes) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){0});
  reporter_health(capture.reporter, "web2", "fpm", "starting");
  reporter_health(capture.reporter, "web2", "fpm", "healthy");
  reporter_health(capture.reporter, "web2", "fpm", "healthy");
  reporter_health(capture.reporter, "web2", "fpm", "unhealthy");
  expect(&capture, "08:31:02 web2  health fpm: healthy\n"
                   "08:31:02 web2  health fpm: unhealthy\n");
}

Test(plain, a_failed_host_keeps_the_reason_of_its_step) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){0});
  reporter_step_end(capture.reporter, "web2", "up", false, "fpm: exited with 1", 500);
  reporter_host_done(capture.reporter, "web2", false, "failed");
  reporter_host_done(capture.reporter, "web2", true, "restored");
  expect(&capture, "08:31:02 web2  up FAILED, 0.5s: fpm: exited with 1\n"
                   "08:31:02 web2  done: restored\n");
}

Test(plain, tells_what_tasks_write) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){0});
  start(capture.reporter);
  reporter_task(capture.reporter, "web1", "before: drain", "7 left\033");
  reporter_task(capture.reporter, NULL, "after: tell", "told");
  expect(&capture, "08:31:02 prod: deploy r7\n"
                   "08:31:02 web1    before: drain | 7 left?\n"
                   "08:31:02 after: tell | told\n");
}

Test(plain, quiet_keeps_warnings) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){.quiet = true});
  start(capture.reporter);
  reporter_step_end(capture.reporter, "web1", "pull", true, NULL, 1);
  reporter_note(capture.reporter, "by the way");
  reporter_warn(capture.reporter, "two lines\nof trouble");
  expect(&capture, "08:31:02 warning: two lines\n           of trouble\n");
}

Test(plain, control_characters_of_hosts_are_replaced) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){0});
  reporter_step_end(capture.reporter, "web\033[2J", "up", false, "\033]0;owned\a", 1);
  end(&capture);
  cr_assert(strpbrk(capture.text, "\033\a") == NULL, "%s", capture.text);
  free(capture.text);
}

Test(events, are_one_object_a_line_and_end_with_the_result) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){.json = true});
  start(capture.reporter);
  reporter_phase(capture.reporter, "prepare");
  reporter_step_begin(capture.reporter, "web1", "pull");
  reporter_pull(capture.reporter, "web1", 5, 10);
  reporter_step_end(capture.reporter, "web1", "pull", true, NULL, 250);
  reporter_health(capture.reporter, "web1", "fpm", "healthy");
  reporter_task(capture.reporter, "web1", "after_host: add", "ok");
  reporter_warn(capture.reporter, "careful\nnow");
  cJSON *result = cJSON_CreateObject();
  json_set_string(result, "id", "d31");
  reporter_result(capture.reporter, result);
  end(&capture);
  static const char *const events[] = {"log", "step", "pull", "step", "health", "task", "log", "result"};
  g_auto(GStrv) lines = g_strsplit(g_strchomp(capture.text), "\n", -1);
  cr_assert_eq(g_strv_length(lines), G_N_ELEMENTS(events));
  for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
    g_autoptr(cJSON) json = NULL;
    cr_assert(json_parse(lines[i], strlen(lines[i]), "event", &json, NULL), "%s", lines[i]);
    cr_assert_str_eq(json_string(json, "event"), events[i]);
    cr_assert_str_eq(json_string(json, "time"), "2026-11-21T08:31:02.000Z");
  }
  cr_assert(strstr(lines[3], "\"duration_ms\":250") != NULL, "%s", lines[3]);
  cr_assert(strstr(lines[3], "\"phase\":\"prepare\"") != NULL, "%s", lines[3]);
  cr_assert(strstr(lines[5], "\"step\":\"after_host: add\",\"line\":\"ok\"") != NULL, "%s", lines[5]);
  cr_assert(strstr(lines[7], "\"id\":\"d31\"") != NULL, "%s", lines[7]);
  free(capture.text);
}

Test(events, without_json_the_result_prints_nothing) {
  Capture capture = {0};
  begin(&capture, (ReporterOptions){0});
  reporter_result(capture.reporter, cJSON_CreateObject());
  expect(&capture, "");
}

/* ---- terminal
 * ---------------------------------------------------------------------------------------------------------
 */

typedef struct {
  Progress progress;
} Scene;

static HostLine *add_host(Scene *scene, const char *name, const char *step) {
  HostLine *line = host_line_new(name);
  line->step = g_strdup(step);
  g_ptr_array_add(scene->progress.hosts, line);
  return line;
}

static void free_line(gpointer line) {
  host_line_free(line);
}

static Scene new_scene(void) {
  return (Scene){.progress = {.title = g_strdup("prod: deploy r7"),
                              .phase = g_strdup("prepare"),
                              .hosts = g_ptr_array_new_with_free_func(free_line),
                              .whole = host_line_new(NULL)}};
}

static void free_scene(Scene *scene) {
  g_free(scene->progress.title);
  g_free(scene->progress.phase);
  g_ptr_array_unref(scene->progress.hosts);
  host_line_free(scene->progress.whole);
}

static void set_done(HostLine *line, bool succeeded, const char *word) {
  line->is_done = true;
  line->succeeded = succeeded;
  line->word = g_strdup(word);
}

Test(terminal, shows_what_each_host_is_doing_and_for_how_long) {
  Scene scene = new_scene();
  HostLine *pulling = add_host(&scene, "web1", "pull");
  pulling->pull_done = 12300000;
  pulling->pull_total = 40100000;
  add_host(&scene, "web2", NULL);
  set_done(add_host(&scene, "queue1", NULL), true, "healthy in 1.2s");
  set_done(add_host(&scene, "web3", NULL), false, "web exited with 1");
  g_autoptr(GPtrArray) lines = terminal_render(&scene.progress, 4 * G_USEC_PER_SEC, 50, 0, false);
  cr_assert_eq(lines->len, 5);
  cr_assert_str_eq(lines->pdata[0], "prod: deploy r7 · prepare · 4.0s");
  cr_assert_str_eq(lines->pdata[1], "• web1    pull  12.3 of 40.1 MB               4.0s");
  cr_assert_str_eq(lines->pdata[2], "  web2    waiting");
  cr_assert_str_eq(lines->pdata[3], "✓ queue1  healthy in 1.2s");
  cr_assert_str_eq(lines->pdata[4], "✗ web3    web exited with 1");
  free_scene(&scene);
}

Test(terminal, a_host_keeps_its_last_word_after_later_steps) {
  Scene scene = new_scene();
  HostLine *line = add_host(&scene, "web1", NULL);
  set_done(line, true, "healthy");
  line->step = g_strdup("prune");
  g_autoptr(GPtrArray) during = terminal_render(&scene.progress, G_USEC_PER_SEC, 40, 0, false);
  cr_assert(g_str_has_prefix(during->pdata[1], "• web1  prune"), "%s", (char *)during->pdata[1]);
  g_clear_pointer(&line->step, g_free);
  g_autoptr(GPtrArray) after = terminal_render(&scene.progress, G_USEC_PER_SEC, 40, 0, false);
  cr_assert_str_eq(after->pdata[1], "✓ web1  healthy");
  free_scene(&scene);
}

Test(terminal, never_writes_a_line_wider_than_the_window) {
  Scene scene = new_scene();
  HostLine *line = add_host(&scene, "日本語の長い名前のホスト.example.org", "health");
  ServiceState *service = g_new0(ServiceState, 1);
  *service =
      (ServiceState){g_strdup("fpm"), g_strdup("starting, and a very long word of why that takes so long")};
  g_ptr_array_add(line->services, service);
  for (guint width = 20; width < 120; width++) {
    g_autoptr(GPtrArray) lines = terminal_render(&scene.progress, G_USEC_PER_SEC, width, 0, false);
    for (guint i = 0; i < lines->len; i++) {
      cr_assert(g_utf8_validate(lines->pdata[i], -1, NULL));
      cr_assert_leq(columns_of(lines->pdata[i]), width, "%u: %s", width, (char *)lines->pdata[i]);
    }
  }
  /* the reporter frees services with their host */
  g_free(service->service);
  g_free(service->state);
  service->service = service->state = NULL;
  free_scene(&scene);
}

Test(terminal, with_more_hosts_than_rows_shows_those_at_work_and_a_count) {
  Scene scene = new_scene();
  for (int i = 0; i < 200; i++) {
    g_autofree char *name = g_strdup_printf("web%d", i);
    add_host(&scene, name, i == 150 ? "pull" : NULL);
  }
  set_done(scene.progress.hosts->pdata[199], false, "broken");
  g_autoptr(GPtrArray) lines = terminal_render(&scene.progress, G_USEC_PER_SEC, 80, 10, false);
  cr_assert_eq(lines->len, 10);
  g_autofree char *text =
      g_strjoinv("\n", (char *[]){lines->pdata[7], lines->pdata[8], lines->pdata[9], NULL});
  cr_assert(strstr(text, "web150") != NULL, "%s", text);
  cr_assert(strstr(text, "web199") != NULL, "%s", text);
  cr_assert(strstr(text, "192 more; of all 200: 1 at work, 0 done, 1 failed") != NULL, "%s", text);
  free_scene(&scene);
}

static gpointer work_on_host(gpointer data) {
  Reporter *reporter = data;
  g_autofree char *host = g_strdup_printf("web%p", (void *)g_thread_self());
  for (int i = 0; i < 200; i++) {
    reporter_step_begin(reporter, host, "pull");
    reporter_pull(reporter, host, i, 200);
    reporter_health(reporter, host, "fpm", i % 2 == 0 ? "starting" : "healthy");
    reporter_step_end(reporter, host, "pull", true, NULL, 1);
  }
  reporter_host_done(reporter, host, true, "healthy");
  return NULL;
}

Test(terminal, hosts_report_from_threads_and_keep_their_last_word) {
  enum { HOSTS = 8 };
  Capture capture = {.text = NULL};
  capture.file = open_memstream(&capture.text, &capture.length);
  const ReporterOptions options = {0};
  const ReporterStreams streams = {.messages = capture.file,
                                   .results = capture.file,
                                   .is_terminal = true,
                                   .clock = {.wall = g_get_real_time, .elapsed = g_get_monotonic_time}};
  capture.reporter = reporter_new_on(&options, &streams);
  g_autoptr(GPtrArray) none = g_ptr_array_new();
  reporter_start(capture.reporter, "prod: deploy r7", none);
  GThread *threads[HOSTS];
  for (int i = 0; i < HOSTS; i++)
    threads[i] = g_thread_new("host", work_on_host, capture.reporter);
  for (int i = 0; i < HOSTS; i++)
    g_thread_join(threads[i]);
  reporter_note(capture.reporter, "said above the lines");
  reporter_finish(capture.reporter);
  (void)fflush(capture.file);
  const char *last = strstr(capture.text, "said above the lines");
  cr_assert(last != NULL);
  guint healthy = 0;
  for (const char *at = strstr(last, "  healthy"); at != NULL; at = strstr(at + 1, "  healthy"))
    healthy++;
  cr_assert_eq(healthy, 2 * HOSTS, "%u", healthy); /* below the note, and at the end */
  end(&capture);
  free(capture.text);
}
