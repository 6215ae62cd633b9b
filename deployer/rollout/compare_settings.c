/* Comparing what slipway.yml said: each key's whole path with its value, as one map. */
#include "deployer/rollout/compare.h"

#include <string.h>

#include "support/json.h"

#include "support/poison.h"

/* Compared otherwise, or different between any two environments. */
static bool is_left_out(const char *path) {
  static const char *const paths[] = {"environments", "variables", "pipeline"};
  for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
    if (g_str_equal(path, paths[i]))
      return true;
  return false;
}

static bool is_plain(const cJSON *value) {
  return !cJSON_IsObject(value) && !cJSON_IsArray(value);
}

static char *text_of(const cJSON *value) {
  return cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
}

/* "health.deadline", "hosts[web1].ssh.port", "tasks.before[0].command" */
static char *path_of(const char *path, const cJSON *item, guint index) {
  const char *name = json_string(item, "name");
  if (item->string != NULL)
    return *path != '\0' ? g_strconcat(path, ".", item->string, NULL) : g_strdup(item->string);
  return name != NULL ? g_strdup_printf("%s[%s]", path, name) : g_strdup_printf("%s[%u]", path, index);
}

/* A list of plain values is a value. */
static void flatten(GHashTable *map, const char *path, const cJSON *value) {
  bool is_value = is_plain(value) || (cJSON_IsArray(value) && value->child != NULL && is_plain(value->child));
  if (is_value) {
    g_hash_table_insert(map, g_strdup(path), text_of(value));
    return;
  }
  guint index = 0;
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, value) {
    g_autofree char *below = path_of(path, item, index++);
    if (!is_left_out(below))
      flatten(map, below, item);
  }
}

/* The environment's own keys stand beside those of the whole file. */
static GHashTable *settings_map(const Config *config, const char *environment) {
  GHashTable *map = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *text = config_to_json(config, environment);
  g_autoptr(cJSON) json = cJSON_Parse(text);
  g_assert(json != NULL);
  flatten(map, "", json);
  const cJSON *own = json_object(json_object(json, "environments"), environment);
  if (own != NULL)
    flatten(map, "", own);
  return map;
}

GPtrArray *compare_settings(const Config *before, const char *environment_before, const Config *after,
                            const char *environment_after) {
  g_autoptr(GHashTable) map_before = settings_map(before, environment_before);
  g_autoptr(GHashTable) map_after = settings_map(after, environment_after);
  return compare_images(map_before, map_after);
}
