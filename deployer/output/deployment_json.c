/* A deployment as JSON: the field names are what users script against. */
#include "deployer/output/deployment_json.h"

#include <string.h>

#include "deployer/output/words.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

static void set_time(cJSON *json, const char *key, gint64 time) {
  g_autofree char *text = time != 0 ? time_format(time) : NULL;
  json_set_string(json, key, text);
}

/* null until it ended */
static void set_duration(cJSON *json, gint64 started, gint64 finished) {
  if (finished != 0)
    json_set_integer(json, "duration_ms", (finished - started) / 1000);
  else
    json_set_string(json, "duration_ms", NULL);
}

static cJSON *host_json(const DeploymentHost *host) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "name", host->name);
  json_set_string(json, "address", host->address);
  json_set_string(json, "status", host_status_name(host->status));
  json_set_string(json, "runs", host->runs);
  json_set_string(json, "error", host->error);
  return json;
}

cJSON *deployment_hosts_json(GPtrArray *hosts) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < hosts->len; i++)
    cJSON_AddItemToArray(array, host_json(hosts->pdata[i]));
  return array;
}

static cJSON *step_json(const DeploymentStep *step) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "host", step->host);
  json_set_string(json, "step", step->step);
  json_set_string(json, "status", step->status);
  set_time(json, "started_at", step->started_at);
  set_duration(json, step->started_at, step->finished_at);
  json_set_string(json, "detail", step->detail);
  if (step->output != NULL) {
    json_set_string(json, "output", step->output);
    json_set_integer(json, "output_lost_bytes", step->lost);
  }
  return json;
}

static cJSON *images_json(const char *text) {
  cJSON *images = NULL;
  if (text == NULL || !json_parse(text, strlen(text), "the images of a deployment", &images, NULL))
    return cJSON_CreateObject();
  return images;
}

static void set_who_and_why(cJSON *json, const Deployment *deployment) {
  json_set_string(json, "actor", deployment->actor);
  json_set_string(json, "reason", deployment->reason);
  json_set_boolean(json, "forced", deployment->forced);
  json_set_string(json, "build_url", deployment->build_url);
  json_set_string(json, "config_revision", deployment->config_revision);
  json_set_boolean(json, "config_dirty", deployment->config_dirty);
}

cJSON *deployment_json(const Deployment *deployment, GPtrArray *steps) {
  g_autofree char *id = deployment_word(deployment->id);
  g_autofree char *release = release_word(deployment->release);
  g_autofree char *restores = deployment_word(deployment->restores);
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "id", id);
  json_set_string(json, "uid", deployment->uid);
  json_set_string(json, "environment", deployment->environment);
  json_set_string(json, "release", release);
  json_set_string(json, "version", deployment->version);
  json_set_string(json, "kind", deployment_kind_name(deployment->kind));
  json_set_string(json, "status", deployment_status_name(deployment->status));
  if (deployment->exit_code >= 0)
    json_set_integer(json, "exit_code", deployment->exit_code);
  else
    json_set_string(json, "exit_code", NULL);
  json_set_string(json, "restores", restores);
  set_who_and_why(json, deployment);
  set_time(json, "started_at", deployment->started_at);
  set_time(json, "finished_at", deployment->finished_at);
  set_duration(json, deployment->started_at, deployment->finished_at);
  json_set_string(json, "message", deployment->message);
  json_set(json, "images", images_json(deployment->images));
  json_set(json, "hosts", deployment_hosts_json(deployment->hosts));
  if (steps != NULL) {
    cJSON *array = cJSON_CreateArray();
    for (guint i = 0; i < steps->len; i++)
      cJSON_AddItemToArray(array, step_json(steps->pdata[i]));
    json_set(json, "steps", array);
  }
  return json;
}
