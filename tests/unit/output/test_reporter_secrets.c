/* output/reporter: secret values are hidden in all that it is told. */
#include <criterion/criterion.h>
#include <string.h>

#include "deployer/output/reporter.h"
#include "deployer/output/reporter_style.h"
#include "support/json.h"
#include "support/redact.h"

#define SECRET "s3cret-\tvalue"

/* All that a reporter can be told, each with the secret in it. */
static void tell_everything(Reporter *reporter) {
  g_autoptr(GPtrArray) hosts = g_ptr_array_new();
  g_ptr_array_add(hosts, (gpointer) "web1");
  reporter_start(reporter, "deploy " SECRET, hosts);
  reporter_step_begin(reporter, "web1", "config");
  reporter_step_end(reporter, "web1", "config", false, "refused: " SECRET, 1);
  reporter_health(reporter, "web1", "web", "probe " SECRET);
  reporter_task(reporter, "web1", "migrate", "DATABASE=" SECRET);
  reporter_host_done(reporter, "web1", true, "done " SECRET);
  reporter_note(reporter, "note %s", SECRET);
  reporter_warn(reporter, "warning %s", SECRET);
  cJSON *result = cJSON_CreateObject();
  cJSON *hosts_json = cJSON_CreateArray();
  cJSON_AddItemToArray(hosts_json, cJSON_CreateString("failed: " SECRET));
  json_set(result, "hosts", hosts_json);
  json_set_string(result, "error", SECRET);
  json_set_integer(result, "duration_ms", 123456);
  reporter_result(reporter, result);
}

static void check_style(ReporterOptions options) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  const ReporterStreams streams = {
      .messages = file, .results = file, .clock = {.wall = g_get_real_time, .elapsed = g_get_monotonic_time}};
  redact_add(SECRET, strlen(SECRET));
  redact_add("123456", 6);
  Reporter *reporter = reporter_new_on(&options, &streams);
  tell_everything(reporter);
  reporter_free(reporter);
  (void)fclose(file);
  cr_assert(strstr(text, "note ***") != NULL, "%s", text);
  cr_assert(strstr(text, "s3cret") == NULL && strstr(text, "value") == NULL, "%s", text);
  cr_assert(!options.json || strstr(text, "\"duration_ms\":123456") != NULL, "%s", text);
  free(text);
}

Test(reporter_secrets, plain_lines_hide_them) {
  check_style((ReporterOptions){.verbose = true});
}

Test(reporter_secrets, events_and_their_result_hide_them) {
  check_style((ReporterOptions){.json = true});
}
