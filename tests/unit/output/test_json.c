/* The JSON of deployments, releases and statuses: names and types are the contract of design §4. */
#include <criterion/criterion.h>
#include <string.h>

#include "deployer/output/deployment_json.h"
#include "deployer/output/exit_status.h"
#include "deployer/output/release_json.h"
#include "deployer/output/status_json.h"
#include "support/json.h"

static const gint64 second = G_USEC_PER_SEC;

static DeploymentHost *new_host(const char *name, HostStatus status) {
  DeploymentHost *host = g_new0(DeploymentHost, 1);
  host->name = g_strdup(name);
  host->address = g_strdup("10.0.1.10");
  host->status = status;
  host->runs = g_strdup("uid31");
  return host;
}

static Deployment *new_deployment(void) {
  Deployment *deployment = deployment_new();
  deployment->id = 31;
  deployment->uid = g_strdup("uid31");
  deployment->environment = g_strdup("prod");
  deployment->release = 7;
  deployment->version = g_strdup("1.4.2");
  deployment->kind = KIND_ROLLBACK;
  deployment->status = STATUS_SUCCEEDED;
  deployment->exit_code = 0;
  deployment->restores = 28;
  deployment->actor = g_strdup("ada");
  deployment->started_at = 100 * second;
  deployment->finished_at = 102 * second;
  deployment->images = g_strdup("{\"web\":\"journal/web@sha256:00\"}");
  g_ptr_array_add(deployment->hosts, new_host("web1", HOST_CHANGED));
  return deployment;
}

Test(deployment_json, has_every_field_of_the_contract) {
  static const char *const fields[] = {
      "id",         "uid",         "environment", "release", "version", "kind",        "status",
      "exit_code",  "restores",    "actor",       "reason",  "forced",  "build_url",   "config_revision",
      "started_at", "finished_at", "duration_ms", "images",  "hosts",   "config_dirty"};
  g_autoptr(Deployment) deployment = new_deployment();
  g_autoptr(cJSON) json = deployment_json(deployment, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
    cr_assert(cJSON_GetObjectItemCaseSensitive(json, fields[i]) != NULL, "%s", fields[i]);
  cr_assert(cJSON_GetObjectItemCaseSensitive(json, "steps") == NULL);
}

Test(deployment_json, writes_ids_times_and_statuses_as_words) {
  g_autoptr(Deployment) deployment = new_deployment();
  g_autoptr(cJSON) json = deployment_json(deployment, NULL);
  cr_assert_str_eq(json_string(json, "id"), "d31");
  cr_assert_str_eq(json_string(json, "release"), "r7");
  cr_assert_str_eq(json_string(json, "restores"), "d28");
  cr_assert_str_eq(json_string(json, "kind"), "rollback");
  cr_assert_str_eq(json_string(json, "started_at"), "1970-01-01T00:01:40.000Z");
  cr_assert_eq(json_integer(json, "duration_ms", -1), 2000);
  cr_assert_str_eq(json_string(json_object(json, "images"), "web"), "journal/web@sha256:00");
  const cJSON *host = cJSON_GetArrayItem(json_array(json, "hosts"), 0);
  cr_assert_str_eq(json_string(host, "status"), "changed");
}

Test(deployment_json, what_is_not_known_yet_is_null) {
  g_autoptr(Deployment) deployment = deployment_new();
  deployment->id = 1;
  deployment->exit_code = -1;
  deployment->started_at = second;
  g_autoptr(cJSON) json = deployment_json(deployment, NULL);
  static const char *const fields[] = {"exit_code", "finished_at", "duration_ms", "release", "restores"};
  for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
    cr_assert(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, fields[i])), "%s", fields[i]);
}

Test(deployment_json, show_adds_the_steps) {
  g_autoptr(Deployment) deployment = new_deployment();
  g_autoptr(GPtrArray) steps = g_ptr_array_new();
  DeploymentStep step = {
      .step = (char *)"pull", .status = (char *)"ok", .started_at = second, .finished_at = 3 * second};
  g_ptr_array_add(steps, &step);
  g_autoptr(cJSON) json = deployment_json(deployment, steps);
  const cJSON *first = cJSON_GetArrayItem(json_array(json, "steps"), 0);
  cr_assert_str_eq(json_string(first, "step"), "pull");
  cr_assert_eq(json_integer(first, "duration_ms", -1), 2000);
  cr_assert(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(first, "host")));
}

Test(release_json, names_images_and_leaves_unknown_times_null) {
  g_autoptr(Release) release = release_new();
  release->id = 7;
  release->version = g_strdup("1.4.2");
  ReleaseImage *image = g_new0(ReleaseImage, 1);
  *image = (ReleaseImage){g_strdup("web"), g_strdup("journal/web@sha256:00")};
  g_ptr_array_add(release->images, image);
  g_autoptr(cJSON) json = release_json(release);
  cr_assert_str_eq(json_string(json, "id"), "r7");
  cr_assert(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "committed_at")));
  cr_assert_str_eq(json_string(json_object(json, "images"), "web"), "journal/web@sha256:00");
}

Test(status_json, an_environment_without_deployments_has_every_field) {
  static const char *const fields[] = {"name",        "release", "version", "deployment", "since",
                                       "held",        "hosts",   "joined",  "left",       "promotable",
                                       "waiting_for", "attempt", "bad"};
  EnvironmentStatus *status = g_new0(EnvironmentStatus, 1);
  status->name = "prod";
  status->hosts = g_ptr_array_new();
  status->joined = g_ptr_array_new();
  status->left = g_ptr_array_new();
  status->bad = g_ptr_array_new();
  g_autoptr(GPtrArray) statuses = g_ptr_array_new();
  g_ptr_array_add(statuses, status);
  g_autoptr(cJSON) json = status_json("journal", statuses);
  cr_assert_str_eq(json_string(json, "app"), "journal");
  const cJSON *first = cJSON_GetArrayItem(json_array(json, "environments"), 0);
  for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
    cr_assert(cJSON_GetObjectItemCaseSensitive(first, fields[i]) != NULL, "%s", fields[i]);
  environment_status_free(status);
}

Test(status_json, a_hold_says_why_who_and_since_when) {
  Hold hold = {.environment = (char *)"prod",
               .reason = (char *)"it loses orders",
               .actor = (char *)"anna",
               .since = 1795226711000000};
  g_autoptr(cJSON) json = hold_json(&hold);
  g_autoptr(cJSON) none = hold_json(NULL);
  g_autofree char *text = json_print_canonical(json);
  cr_assert_str_eq(text,
                   "{\"by\":\"anna\",\"reason\":\"it loses orders\",\"since\":\"2026-11-21T02:05:11.000Z\"}");
  cr_assert(cJSON_IsNull(none));
}

Test(exit_status, every_kind_has_the_status_of_the_contract) {
  static const struct {
    SlipwayErrorKind kind;
    int status;
  } rows[] = {{SLIPWAY_ERROR_DEPLOY, 1},  {SLIPWAY_ERROR_USAGE, 2},         {SLIPWAY_ERROR_CONFIG, 2},
              {SLIPWAY_ERROR_REFUSED, 3}, {SLIPWAY_ERROR_UNREADY, 4},       {SLIPWAY_ERROR_BROKEN, 5},
              {SLIPWAY_ERROR_STORE, 6},   {SLIPWAY_ERROR_INTERRUPTED, 130}, {SLIPWAY_ERROR_COMMAND, 125}};
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    (void)fail(&error, rows[i].kind, "x");
    cr_assert_eq(exit_status_of(error)->status, rows[i].status, "kind %d", (int)rows[i].kind);
  }
}
