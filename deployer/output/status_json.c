/* `status` as JSON: the field names are what users script against. */
#include "deployer/output/status_json.h"

#include "deployer/output/deployment_json.h"
#include "deployer/output/words.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

void environment_status_free(EnvironmentStatus *status) {
  g_ptr_array_unref(status->hosts);
  g_ptr_array_unref(status->joined);
  g_ptr_array_unref(status->left);
  g_ptr_array_unref(status->bad);
  g_free(status->promotable);
  g_free(status->waiting);
  g_free(status->waiting_for);
  g_free(status);
}

static cJSON *attempt_json(const Deployment *last) {
  if (last == NULL)
    return cJSON_CreateNull();
  g_autofree char *id = deployment_word(last->id);
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "deployment", id);
  json_set_string(json, "status", deployment_status_name(last->status));
  return json;
}

cJSON *hold_json(const Hold *hold) {
  if (hold == NULL)
    return cJSON_CreateNull();
  g_autofree char *since = time_format(hold->since);
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "reason", hold->reason);
  json_set_string(json, "by", hold->actor);
  json_set_string(json, "since", since);
  return json;
}

static cJSON *strings_json(GPtrArray *words) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < words->len; i++)
    cJSON_AddItemToArray(array, cJSON_CreateString(words->pdata[i]));
  return array;
}

static cJSON *environment_json(const EnvironmentStatus *status) {
  const Deployment *current = status->current;
  g_autofree char *release = current != NULL ? release_word(current->release) : NULL;
  g_autofree char *deployment = current != NULL ? deployment_word(current->id) : NULL;
  g_autofree char *since = current != NULL ? time_format(current->finished_at) : NULL;
  g_autofree char *until = status->waiting_until != 0 ? time_format(status->waiting_until) : NULL;
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "name", status->name);
  json_set_boolean(json, "ephemeral", status->is_ephemeral);
  json_set_string(json, "release", release);
  json_set_string(json, "version", current != NULL ? current->version : NULL);
  json_set_string(json, "deployment", deployment);
  json_set_string(json, "since", since);
  json_set(json, "held", hold_json(status->hold));
  json_set(json, "hosts", deployment_hosts_json(status->hosts));
  json_set(json, "joined", strings_json(status->joined));
  json_set(json, "left", strings_json(status->left));
  json_set_string(json, "promotable", status->promotable);
  json_set_boolean(json, "asks_command", status->asks_command);
  json_set_string(json, "waiting", status->waiting);
  json_set_string(json, "waiting_for", status->waiting_for);
  json_set_string(json, "waiting_until", until);
  json_set(json, "attempt", attempt_json(status->last));
  json_set(json, "bad", strings_json(status->bad));
  return json;
}

cJSON *status_json(const char *app, GPtrArray *statuses) {
  cJSON *environments = cJSON_CreateArray();
  for (guint i = 0; i < statuses->len; i++)
    cJSON_AddItemToArray(environments, environment_json(statuses->pdata[i]));
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "app", app);
  json_set(json, "environments", environments);
  return json;
}
