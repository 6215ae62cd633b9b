/* What the engine's replies mean: recorded from Docker Engine 20.10.24 (shortened), and bent where a peer
 * might. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/hosts/engine_private.h"
#include "support/errors.h"
#include "support/redact.h"

static cJSON *parse(const char *text) {
  cJSON *json = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(json_parse(text, strlen(text), "the recording", &json, &error), "%s",
            error == NULL ? "" : error->message);
  return json;
}

static ContainerState *container(const char *text) {
  g_autoptr(cJSON) json = parse(text);
  return engine_parse_container(json);
}

Test(engine_api, is_the_newest_that_both_sides_speak) {
  static const struct {
    const char *reply, *api, *problem;
  } rows[] = {
      {"{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}", "1.41", NULL},
      {"{\"Version\":\"28.2.2\",\"ApiVersion\":\"1.50\",\"MinAPIVersion\":\"1.24\"}", "1.43", NULL},
      {"{\"Version\":\"29.0.0\",\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\"}", "1.44", NULL},
      {"{\"Version\":\"19.03.8\",\"ApiVersion\":\"1.40\"}", NULL, "engine 19.03.8 is too old"},
      {"{\"ApiVersion\":\"2.0\"}", NULL, "no Docker engine"},
      {"{\"ApiVersion\":41}", NULL, "no Docker engine"},
      {"[]", NULL, "no Docker engine"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(cJSON) version = parse(rows[i].reply);
    g_autofree char *api = NULL;
    g_autoptr(GError) error = NULL;
    bool is_spoken = engine_choose_api(version, &api, &error);
    cr_assert_eq(is_spoken, rows[i].api != NULL, "%s", rows[i].reply);
    if (is_spoken)
      cr_expect_str_eq(api, rows[i].api);
    else
      cr_expect(error_is(error, SLIPWAY_ERROR_UNREADY) && strstr(error->message, rows[i].problem) != NULL,
                "%s", error->message);
  }
}

static cJSON *read_ping(long status, const char *server, const char *api) {
  g_auto(HttpReply) reply = {.status = status};
  reply.headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  reply.body = g_string_new("OK");
  if (server != NULL)
    g_hash_table_insert(reply.headers, g_strdup("server"), g_strdup(server));
  if (api != NULL)
    g_hash_table_insert(reply.headers, g_strdup("api-version"), g_strdup(api));
  return engine_read_ping(&reply);
}

Test(engine_api, is_told_by_a_ping_unless_old_ones_may_be_gone) {
  g_autoptr(cJSON) version = read_ping(200, "Docker/20.10.24+dfsg1 (linux)", "1.41");
  cr_expect_str_eq(json_string(version, "Version"), "20.10.24+dfsg1");
  cr_expect_str_eq(json_string(version, "ApiVersion"), "1.41");
  static const struct {
    long status;
    const char *server, *api;
  } unclear[] = {
      {200, "Docker/29.0.0 (linux)", "1.52"},
      {200, "Docker/29.0.0 (linux)", NULL},
      {200, "nginx", "1.41"},
      {200, NULL, "1.41"},
      {404, "Docker/20.10.24 (linux)", "1.41"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(unclear); i++)
    cr_expect_null(read_ping(unclear[i].status, unclear[i].server, unclear[i].api), "row %u", i);
}

#define UNHEALTHY                                                                                            \
  "{\"Id\":\"32cef875cd47\",\"State\":{\"Status\":\"running\",\"OOMKilled\":false,\"ExitCode\":0,\"Error\":" \
  "\"\","                                                                                                    \
  "\"StartedAt\":\"2026-11-21T08:22:38.393824102Z\",\"FinishedAt\":\"0001-01-01T00:00:00Z\",\"Health\":{"    \
  "\"Status\":"                                                                                              \
  "\"unhealthy\",\"FailingStreak\":4,\"Log\":[{\"Start\":\"2026-11-21T08:22:39.394197036Z\",\"ExitCode\":1," \
  "\"Output\":\"old\\n\"},{\"ExitCode\":2,\"Output\":\"hello\\n\"}]}},\"RestartCount\":1,\"HostConfig\":{"   \
  "\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":2}},\"Config\":{\"Image\":\"bb@sha256:"  \
  "0f\","                                                                                                    \
  "\"Labels\":{\"com.docker.compose.project\":\"p\",\"com.docker.compose.service\":\"web\"},"                \
  "\"Healthcheck\":{"                                                                                        \
  "\"Test\":[\"CMD-SHELL\",\"echo hello; test -e /ok\"],\"Interval\":1000000000,\"Retries\":2}}}"

Test(engine_container, is_read_in_full) {
  g_autoptr(ContainerState) state = container(UNHEALTHY);
  cr_expect_str_eq(state->service, "web");
  cr_expect_str_eq(state->image, "bb@sha256:0f");
  cr_expect_str_eq(state->status, "running");
  cr_expect_str_eq(state->restart_policy, "on-failure");
  cr_expect_eq(state->restart_count, 1);
  cr_expect_eq(state->started_at, 1795249358393824);
  cr_expect_eq(state->finished_at, 0);
  cr_expect_str_eq(state->health, "unhealthy");
  cr_expect_eq(state->failed_probes, 4);
  cr_expect_str_eq(state->probe_output, "hello\n");
  cr_expect_eq(state->probe_exit_code, 2);
  cr_expect_null(state->problem);
  cr_assert_eq(state->check->len, 3);
  cr_expect_str_eq(state->check->pdata[0], "/bin/sh");
  cr_expect_str_eq(state->check->pdata[2], "echo hello; test -e /ok");
  cr_expect_eq(state->check_interval_ms, 1000);
  cr_expect_eq(state->check_timeout_ms, 30000);
  cr_expect_eq(state->check_retries, 2);
}

Test(engine_container, a_check_becomes_an_argv) {
  static const struct {
    const char *config, *argv;
  } rows[] = {
      {"{\"Healthcheck\":{\"Test\":[\"CMD\",\"wget\",\"-q\",\"x\"]}}", "wget -q x"},
      {"{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a b\"]},\"Shell\":[\"/bin/ash\",\"-eo\",\"-c\"]}",
       "/bin/ash -eo -c a b"},
      {"{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", NULL},
      {"{\"Healthcheck\":{\"Test\":[\"CMD\"]}}", NULL},
      {"{\"Healthcheck\":{\"Test\":[]}}", NULL},
      {"{\"Healthcheck\":{\"Test\":\"CMD x\"}}", NULL},
      {"{\"Healthcheck\":null}", NULL},
      {"{}", NULL},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *text = g_strdup_printf("{\"Config\":%s}", rows[i].config);
    g_autoptr(ContainerState) state = container(text);
    cr_assert_eq(state->check != NULL, rows[i].argv != NULL, "%s", text);
    if (state->check == NULL)
      continue;
    g_ptr_array_add(state->check, NULL);
    g_autofree char *argv = g_strjoinv(" ", (char **)state->check->pdata);
    cr_expect_str_eq(argv, rows[i].argv);
  }
}

Test(engine_container, nonsense_is_read_as_little_rather_than_crash) {
  static const char *const replies[] = {"{}",
                                        "[]",
                                        "null",
                                        "{\"State\":[],\"Config\":7,\"HostConfig\":\"\"}",
                                        "{\"State\":{\"Health\":{\"Status\":\"starting\",\"Log\":null,"
                                        "\"FailingStreak\":-4}},\"RestartCount\":-1}",
                                        "{\"State\":{\"Health\":{\"Status\":\"none\"}},\"Config\":{"
                                        "\"Healthcheck\":{\"Test\":[null,{}],\"Interval\":-5}}}"};
  for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
    g_autoptr(ContainerState) state = container(replies[i]);
    cr_expect_str_eq(state->restart_policy, "no");
    cr_expect_str_eq(state->status, "");
    cr_expect_eq(state->failed_probes, 0);
    cr_expect_eq(state->restart_count, 0);
    cr_expect_eq(state->check_interval_ms, 30000);
  }
}

Test(engine_event, gives_the_action_the_container_and_how_it_ended) {
  static const char line[] = "{\"status\":\"exec_die\",\"id\":\"32ce\",\"Type\":\"container\",\"Action\":"
                             "\"exec_die\",\"Actor\":{\"ID\":\"32ce\","
                             "\"Attributes\":{\"com.docker.compose.project\":\"p\",\"execID\":\"d30d\","
                             "\"exitCode\":\"1\",\"name\":\"hh\"}},"
                             "\"scope\":\"local\",\"time\":1795249362,\"timeNano\":1795249362886818538}";
  g_auto(EngineEvent) event = {0};
  cr_assert(engine_parse_event(line, &event, NULL));
  cr_expect_str_eq(event.action, "exec_die");
  cr_expect_str_eq(event.container, "32ce");
  cr_expect_str_eq(event.exec_id, "d30d");
  cr_expect_eq(event.exit_code, 1);
}

Test(engine_event, one_without_a_container_is_refused) {
  g_auto(EngineEvent) event = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(!engine_parse_event("{\"Action\":\"die\"}", &event, &error));
  cr_expect(error_is(error, SLIPWAY_ERROR_UNREADY));
  cr_expect(strstr(error->message, "without an action or a container") != NULL);
}

Test(engine_event, an_exit_code_that_is_no_number_is_no_success) {
  g_auto(EngineEvent) event = {0};
  cr_assert(engine_parse_event(
      "{\"Action\":\"exec_die\",\"Actor\":{\"ID\":\"3\",\"Attributes\":{\"exitCode\":\"zero\"}}}", &event,
      NULL));
  cr_expect_eq(event.exit_code, -1);
}

#define FRAME(stream, length, text) stream "\0\0\0\0\0\0" length text

Test(engine_output, frames_are_taken_apart) {
  static const char bytes[] = FRAME("\1", "\4", "out\n") FRAME("\2", "\4", "err\n");
  g_autofree char *text = engine_demultiplex(bytes, sizeof bytes - 1, 100);
  cr_expect_str_eq(text, "out\nerr\n");
}

Test(engine_output, a_terminals_bytes_are_left_alone) {
  g_autofree char *text = engine_demultiplex("plain\r\n", 7, 100);
  cr_expect_str_eq(text, "plain\r\n");
}

Test(engine_output, only_the_end_of_much_is_kept_and_a_torn_frame_is_no_harm) {
  static const char bytes[] = FRAME("\1", "\4", "abc\n") FRAME("\1", "\x7f", "tail");
  g_autofree char *text = engine_demultiplex(bytes, sizeof bytes - 1, 6);
  cr_expect_str_eq(text, "tail");
  g_autofree char *torn = engine_demultiplex("\1\0\0", 3, 6);
  cr_expect_str_eq(torn, "\1");
  g_autofree char *none = engine_demultiplex("", 0, 6);
  cr_expect_str_eq(none, "");
}

Test(engine_output, a_value_is_hidden_before_the_front_is_cut_off) {
  static const char value[] = "correct-horse";
  redact_add(value, strlen(value));
  for (gsize cap = 6; cap < 24; cap++) {
    g_autofree char *text = engine_demultiplex("log: correct-horse battery", 26, cap);
    cr_expect_null(strstr(text, "orse"), "%zu: %s", cap, text);
    cr_expect(g_str_has_suffix(text, "attery"));
  }
}

static void take(PullTally *tally, const char *line) {
  g_autofree char *problem = NULL;
  cr_assert(pull_tally_line(tally, line, &problem, NULL), "%s", line);
  cr_assert_null(problem, "%s", problem);
}

Test(engine_pull, bytes_are_summed_over_layers_each_counted_once) {
  g_autoptr(PullTally) tally = pull_tally_new();
  take(tally, "{\"status\":\"Pulling from app\",\"id\":\"127.0.0.1:5599/app@sha256:30e1\"}");
  take(tally, "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"1a031dc5cdbb\"}");
  take(tally, "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":302080,\"total\":30009402},\"id\":"
              "\"1a031dc5cdbb\"}");
  take(tally, "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":50,\"total\":100},\"id\":\"b\"}");
  take(tally, "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":50,\"total\":100},\"id\":\"b\"}");
  cr_expect_eq(tally->done, 302130);
  cr_expect_eq(tally->total, 30009502);
  take(tally, "{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"1a031dc5cdbb\"}");
  take(tally, "{\"status\":\"Extracting\",\"progressDetail\":{\"current\":1,\"total\":30009402},\"id\":"
              "\"1a031dc5cdbb\"}");
  cr_expect_eq(tally->done, 30009452);
  take(tally, "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"b\"}");
  take(tally, "{\"status\":\"Already exists\",\"progressDetail\":{},\"id\":\"c\"}");
  cr_expect_eq(tally->done, tally->total);
  cr_expect_eq(tally->total, 30009502);
}

Test(engine_pull, a_failure_is_found_in_a_reply_that_began_well) {
  g_autoptr(PullTally) tally = pull_tally_new();
  g_autofree char *problem = NULL;
  cr_assert(pull_tally_line(
      tally, "{\"errorDetail\":{\"message\":\"unexpected EOF\\u001b[2J\"},\"error\":\"unexpected EOF\"}",
      &problem, NULL));
  cr_expect_str_eq(problem, "unexpected EOF?[2J");
}

Test(engine_pull, hostile_numbers_do_not_overflow) {
  g_autoptr(PullTally) tally = pull_tally_new();
  take(tally,
       "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1e300,\"total\":-1},\"id\":\"a\"}");
  take(tally,
       "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":9e18,\"total\":9e18},\"id\":\"b\"}");
  take(tally,
       "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":9e18,\"total\":9e18},\"id\":\"c\"}");
  cr_expect(tally->done >= 0 && tally->done <= tally->total);
}

Test(engine_failure, carries_the_engines_own_words) {
  g_autoptr(GError) error = NULL;
  engine_fail("inspect image x", 500, "{\"message\":\"no space left on device\"}\n", &error);
  cr_expect(error_is(error, SLIPWAY_ERROR_UNREADY));
  cr_expect_str_eq(error->message, "the engine cannot inspect image x: no space left on device (status 500)");
  g_autoptr(GError) bare = NULL;
  engine_fail("inspect image x", 502, "", &bare);
  cr_expect(strstr(bare->message, "no reason given (status 502)") != NULL);
}

Test(engine_path, names_are_escaped_but_for_what_names_are_made_of) {
  g_autofree char *name = engine_escape_name("r:5000/a/b@sha256:0?x y");
  cr_expect_str_eq(name, "r:5000/a/b@sha256:0%3Fx%20y");
  g_autofree char *filter = engine_project_filter("p", "container");
  g_autofree char *plain = g_uri_unescape_string(filter, NULL);
  cr_expect_str_eq(plain, "{\"label\":[\"com.docker.compose.project=p\"],\"type\":[\"container\"]}");
}
