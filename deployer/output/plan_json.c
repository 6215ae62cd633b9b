/* A plan as JSON: the field names are what users script against. */
#include "deployer/output/plan_json.h"

#include "deployer/output/changes.h"
#include "deployer/output/release_json.h"
#include "support/json.h"

#include "support/poison.h"

static cJSON *gate_json(gconstpointer item) {
  const GateAnswer *gate = item;
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "name", gate->name);
  if (gate->is_asked)
    json_set_boolean(json, "passes", gate->passes);
  else
    json_set_string(json, "passes", NULL);
  json_set_string(json, "answer", gate->answer);
  return json;
}

static cJSON *word_json(gconstpointer item) {
  return cJSON_CreateString(item);
}

static cJSON *array_json(GPtrArray *items, cJSON *(*make)(gconstpointer item)) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; items != NULL && i < items->len; i++)
    cJSON_AddItemToArray(array, make(items->pdata[i]));
  return array;
}

static cJSON *host_json(gconstpointer item) {
  const PlanHost *host = item;
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "name", host->name);
  json_set_string(json, "problem", host->problem);
  json_set_integer(json, "wave", host->wave);
  json_set(json, "recreated", array_json(host->recreated, word_json));
  json_set(json, "removed", array_json(host->removed, word_json));
  if (host->problem == NULL && host->pull_bytes >= 0)
    json_set_integer(json, "pull_bytes", host->pull_bytes);
  else
    json_set_string(json, "pull_bytes", NULL);
  return json;
}

cJSON *plan_json(const char *environment, const Plan *plan) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "environment", environment);
  json_set_string(json, "kind", deployment_kind_name(plan->kind));
  json_set(json, "release", plan->release != NULL ? release_json(plan->release) : cJSON_CreateNull());
  json_set_string(json, "note", plan->note);
  json_set_string(json, "current_release", plan->current_release);
  json_set_string(json, "current_version", plan->current_version);
  json_set(json, "gates", array_json(plan->gates, gate_json));
  json_set(json, "images", changes_json(plan->images));
  json_set(json, "configuration", changes_json(plan->configuration));
  json_set(json, "hosts", array_json(plan->hosts, host_json));
  return json;
}
