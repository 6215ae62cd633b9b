/* A deployment's snapshot for people and for programs. */
#include "deployer/commands/show_config.h"

#include <stdio.h>
#include <string.h>

#include "deployer/output/table.h"
#include "deployer/rollout/contents.h"
#include "deployer/rollout/snapshot.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

static gint64 size_of(const Content *content) {
  return content->bytes != NULL ? (gint64)g_bytes_get_size(content->bytes) : 0;
}

static char *path_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Content *)item)->path);
}

static char *kind_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(content_kind_name(((const Content *)item)->kind));
}

static char *mode_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup_printf("%03o", ((const Content *)item)->mode);
}

static char *size_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return size_for_people(size_of(item));
}

static char *hash_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strndup(((const Content *)item)->sha256, 12);
}

static const TableColumn content_columns[] = {
    {.title = "FILE", .cell = path_cell},   {.title = "KIND", .cell = kind_cell},
    {.title = "MODE", .cell = mode_cell},   {.title = "SIZE", .cell = size_cell, .is_number = true},
    {.title = "SHA256", .cell = hash_cell}, {0},
};

static void print_config(const Deployment *deployment, const Config *settings, const ComposeProject *project,
                         GPtrArray *contents) {
  g_autofree char *yaml = config_to_yaml(settings, deployment->environment);
  g_autofree char *files = table_render(content_columns, contents, NULL, 0);
  (void)printf("SETTINGS\n%s", yaml);
  if (project->variables->len > 0)
    (void)printf("\nVARIABLES\n");
  for (guint i = 0; i < project->variables->len; i++) {
    const NamedValue *variable = project->variables->pdata[i];
    g_autofree char *value = text_printable(variable->value, true);
    (void)printf("%s=%s\n", variable->name, value);
  }
  (void)printf("\n%s", files);
}

static cJSON *contents_json(GPtrArray *contents) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < contents->len; i++) {
    const Content *content = contents->pdata[i];
    g_autofree char *mode = g_strdup_printf("%04o", content->mode);
    cJSON *json = cJSON_CreateObject();
    json_set_string(json, "path", content->path);
    json_set_string(json, "kind", content_kind_name(content->kind));
    json_set_string(json, "mode", mode);
    json_set_integer(json, "size", size_of(content));
    json_set_string(json, "sha256", content->sha256);
    cJSON_AddItemToArray(array, json);
  }
  return array;
}

static cJSON *config_json(const Deployment *deployment, const Config *settings, const ComposeProject *project,
                          GPtrArray *contents) {
  g_autofree char *text = config_to_json(settings, deployment->environment);
  cJSON *json = cJSON_CreateObject(), *variables = cJSON_CreateObject();
  for (guint i = 0; i < project->variables->len; i++) {
    const NamedValue *variable = project->variables->pdata[i];
    json_set_string(variables, variable->name, variable->value);
  }
  json_set(json, "settings", cJSON_Parse(text));
  json_set(json, "variables", variables);
  json_set(json, "files", contents_json(contents));
  return json;
}

bool show_config(Invocation *invocation, const Deployment *deployment, GError **error) {
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GHashTable) pinned = NULL;
  g_autoptr(Config) settings = NULL;
  if (deployment->snapshot == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "show: d%" G_GINT64_FORMAT " ended before its configuration was known", deployment->id);
  if (!snapshot_read(invocation->history, deployment, &project, &pinned, &settings, error))
    return prefix(error, "show: d%" G_GINT64_FORMAT ": ", deployment->id);
  g_autoptr(GPtrArray) contents = contents_of(project);
  if (wants_words(invocation))
    print_config(deployment, settings, project, contents);
  else
    invocation->document = config_json(deployment, settings, project, contents);
  return true;
}
