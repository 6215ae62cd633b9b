/* The effective configuration as JSON and YAML, and the list of keys: all by walking the schema's rows. */
#include <string.h>

#include "environments/config/schema.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

cJSON *schema_to_json(const Schema *schema, const void *target, const char *directory) {
  cJSON *object = cJSON_CreateObject();
  for (const SchemaKey *row = schema->keys; row->name != NULL; row++) {
    cJSON *value = row->is_folded ? NULL : row->type->write(row, target, directory);
    if (value != NULL)
      cJSON_AddItemToObject(object, row->name, value);
  }
  return object;
}

/* A Config that borrows everything of `config` but the lists, which hold only what concerns `environment`. */
static Config narrow(const Config *config, const char *environment) {
  Config narrowed = *config;
  Environment *only = config_find_environment(config, environment);
  narrowed.environments = g_ptr_array_new();
  narrowed.pipeline = g_ptr_array_new();
  if (only != NULL)
    g_ptr_array_add(narrowed.environments, only);
  if (only != NULL && config_is_in_pipeline(config, environment))
    g_ptr_array_add(narrowed.pipeline, only->name);
  return narrowed;
}

static cJSON *config_to_tree(const Config *config, const char *environment) {
  if (environment == NULL)
    return schema_to_json(&root_schema, config, config->directory);
  Config narrowed = narrow(config, environment);
  cJSON *tree = schema_to_json(&root_schema, &narrowed, config->directory);
  g_ptr_array_unref(narrowed.environments);
  g_ptr_array_unref(narrowed.pipeline);
  return tree;
}

char *config_to_json(const Config *config, const char *environment) {
  g_autoptr(cJSON) tree = config_to_tree(config, environment);
  return json_print(tree);
}

static void append_scalar(GString *yaml, const cJSON *value) {
  g_autofree char *text = cJSON_IsString(value) ? yaml_quote(value->valuestring) : json_print(value);
  g_string_append(yaml, text);
}

static bool is_scalar(const cJSON *value) {
  return !cJSON_IsObject(value) && !cJSON_IsArray(value);
}

static bool is_nested(const cJSON *value) {
  return value->child != NULL && (cJSON_IsObject(value) || !is_scalar(value->child));
}

/* What fits on the line: a scalar, "{}", or "[a, b]" as people write it. */
static void append_short(GString *yaml, const cJSON *value) {
  const cJSON *item = NULL;
  if (is_scalar(value)) {
    append_scalar(yaml, value);
    return;
  }
  g_string_append_c(yaml, cJSON_IsObject(value) ? '{' : '[');
  cJSON_ArrayForEach(item, value) {
    append_scalar(yaml, item);
    if (item->next != NULL)
      g_string_append(yaml, ", ");
  }
  g_string_append_c(yaml, cJSON_IsObject(value) ? '}' : ']');
}

/* Appends what stands behind "key:" or "-", its line end included. A list's mapping begins beside its dash.
 */
static void append_value(GString *yaml, const cJSON *value, int indent, bool is_list_item) {
  const cJSON *item = NULL;
  if (!is_nested(value)) {
    g_string_append_c(yaml, ' ');
    append_short(yaml, value);
    g_string_append_c(yaml, '\n');
    return;
  }
  if (!is_list_item)
    g_string_append_c(yaml, '\n');
  cJSON_ArrayForEach(item, value) {
    g_string_append_printf(yaml, "%*s", is_list_item && item == value->child ? 1 : indent, "");
    g_autofree char *key = cJSON_IsObject(value) ? yaml_quote(item->string) : NULL;
    g_string_append_printf(yaml, "%s%s", key != NULL ? key : "-", key != NULL ? ":" : "");
    append_value(yaml, item, indent + 2, key == NULL);
  }
}

char *config_to_yaml(const Config *config, const char *environment) {
  g_autoptr(cJSON) tree = config_to_tree(config, environment);
  GString *yaml = g_string_new(NULL);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, tree) {
    g_string_append_printf(yaml, "%s:", item->string);
    append_value(yaml, item, 2, false);
  }
  return g_string_free(yaml, FALSE);
}

/* "duration", "number 1..65535", "restore|stop". Caller frees. */
static char *describe_type(const SchemaKey *row) {
  if (row->choices != NULL)
    return g_strjoinv("|", (char **)row->choices);
  if (row->type == &type_number)
    return g_strdup_printf("number %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT, row->low, row->high);
  return g_strdup(row->type->shown != NULL ? row->type->shown : row->text->shown);
}

static void describe_schema(GString *lines, const Schema *schema, const char *path) {
  for (const SchemaKey *row = schema->keys; row->name != NULL; row++) {
    g_autofree char *key = g_strconcat(path, row->name, NULL), *type = describe_type(row);
    g_string_append_printf(lines, "%-46s  %-20s  %-8s  %s\n", key, type,
                           row->default_text != NULL ? row->default_text
                           : row->is_required        ? "required"
                                                     : "-",
                           row->help);
    if (row->section == NULL || row->type->below == NULL)
      continue;
    g_autofree char *below = g_strconcat(key, row->type->below, NULL);
    describe_schema(lines, row->section, below);
    if (row->type == &type_hosts) /* an entry may be either */
      describe_schema(lines, &inventory_schema, below);
  }
}

char *config_describe_keys(void) {
  GString *lines = g_string_new(NULL);
  describe_schema(lines, &root_schema, "");
  return g_string_free(lines, FALSE);
}
