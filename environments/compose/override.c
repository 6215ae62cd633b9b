/* images.yml: the one Compose file that slipway generates. It has no `version:`: Compose 1.29 takes all
 * of 2.x and 3.x, and a file without, for one format, and v2 ignores it. Equal content gives equal text, and
 * nothing of a deployment's own gets in. */
#include <string.h>

#include "environments/compose/compose.h"
#include "support/json.h"
#include "support/poison.h"
#include "support/yaml.h"

/* As a YAML scalar that Compose reads as exactly this text: it interpolates this file too. */
static void append_text(GString *yaml, const char *text) {
  g_auto(GStrv) parts = g_strsplit(text, "$", -1);
  g_autofree char *escaped = g_strjoinv("$$", parts);
  g_autofree char *quoted = yaml_quote(escaped);
  g_string_append(yaml, quoted);
}

static void append_key(GString *yaml, guint indent, const char *key) {
  g_autofree char *quoted = yaml_quote(key); /* keys are not interpolated */
  g_string_append_printf(yaml, "%*s%s:", (int)indent, "", quoted);
}

static void append_pair(GString *yaml, guint indent, const char *key, const char *value) {
  append_key(yaml, indent, key);
  g_string_append_c(yaml, ' ');
  append_text(yaml, value);
  g_string_append_c(yaml, '\n');
}

static gint compare_items(gconstpointer a, gconstpointer b) {
  return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static void append_json(GString *yaml, const cJSON *json);

/* In flow style, keys sorted. */
static void append_json_object(GString *yaml, const cJSON *json) {
  g_autoptr(GPtrArray) items = g_ptr_array_new();
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, json) {
    g_ptr_array_add(items, (gpointer)item);
  }
  g_ptr_array_sort(items, compare_items);
  g_string_append_c(yaml, '{');
  for (guint i = 0; i < items->len; i++) {
    g_autofree char *key = yaml_quote(((cJSON *)items->pdata[i])->string);
    g_string_append_printf(yaml, "%s%s: ", i > 0 ? ", " : "", key);
    append_json(yaml, items->pdata[i]);
  }
  g_string_append_c(yaml, '}');
}

static void append_json(GString *yaml, const cJSON *json) {
  if (cJSON_IsObject(json)) {
    append_json_object(yaml, json);
  } else if (cJSON_IsArray(json)) {
    const cJSON *item = NULL;
    g_string_append_c(yaml, '[');
    cJSON_ArrayForEach(item, json) {
      g_string_append(yaml, item == json->child ? "" : ", ");
      append_json(yaml, item);
    }
    g_string_append_c(yaml, ']');
  } else if (cJSON_IsString(json)) {
    append_text(yaml, json->valuestring);
  } else {
    g_autofree char *text = json_print(json);
    g_string_append(yaml, text);
  }
}

/* "ro,z" for options that short syntax can say. */
static char *short_mode(const cJSON *options) {
  const cJSON *bind = json_object(options, "bind");
  const char *propagation = json_string(bind, "propagation");
  return g_strconcat(json_boolean(options, "read_only", false) ? "ro" : "rw", ",",
                     json_string(bind, "selinux"), propagation != NULL ? "," : NULL, propagation, NULL);
}

/* Long syntax, so that a source that is missing is an error and not a new empty folder; except for SELinux
 * labels, which Compose 1.29 takes in short syntax only. */
static void append_mount(GString *yaml, const ComposeMount *mount, const char *folder) {
  g_autofree char *source = g_strconcat(folder, "/files/", mount->hash, NULL);
  if (json_path(mount->options, "bind", "selinux", NULL) != NULL) {
    g_autofree char *mode = short_mode(mount->options);
    g_autofree char *text = g_strconcat(source, ":", mount->target, ":", mode, NULL);
    g_string_append(yaml, "      - ");
    append_text(yaml, text);
    g_string_append_c(yaml, '\n');
    return;
  }
  g_string_append(yaml, "      - type: bind\n");
  append_pair(yaml, 8, "source", source);
  append_pair(yaml, 8, "target", mount->target);
  const cJSON *option = NULL;
  cJSON_ArrayForEach(option, mount->options) {
    append_key(yaml, 8, option->string);
    g_string_append_c(yaml, ' ');
    append_json(yaml, option);
    g_string_append_c(yaml, '\n');
  }
}

static bool is_used_by(const ComposeObject *object, const char *service) {
  return g_ptr_array_find_with_equal_func(object->services, service, g_str_equal, NULL);
}

/* The name, in its folder, of the file that is the object's content; NULL where nobody says which. */
static const char *file_of(const ComposeObject *object, GHashTable *secrets) {
  if (object->hash != NULL)
    return object->hash;
  return secrets != NULL ? g_hash_table_lookup(secrets, object->name) : NULL;
}

/* A label with the content's hash: v2 does not count an object's file into the service's configuration. */
static void append_labels(GString *yaml, const ComposeProject *project, const char *service,
                          GHashTable *secrets) {
  bool is_first = true;
  for (guint i = 0; i < project->objects->len; i++) {
    const ComposeObject *object = project->objects->pdata[i];
    const char *file = file_of(object, secrets);
    if (file == NULL || !is_used_by(object, service))
      continue;
    if (is_first)
      g_string_append(yaml, "    labels:\n");
    is_first = false;
    g_autofree char *key = g_strconcat("slipway.", object->section, ".", object->name, NULL);
    append_pair(yaml, 6, key, file);
  }
}

static void append_volumes(GString *yaml, const ComposeProject *project, const char *service,
                           const char *folder) {
  bool is_first = true;
  for (guint i = 0; i < project->mounts->len; i++) {
    const ComposeMount *mount = project->mounts->pdata[i];
    if (!g_str_equal(mount->service, service))
      continue;
    if (is_first)
      g_string_append(yaml, "    volumes:\n");
    is_first = false;
    append_mount(yaml, mount, folder);
  }
}

static void append_objects(GString *yaml, const ComposeProject *project, const char *section,
                           const char *folder, GHashTable *secrets) {
  bool is_first = true;
  for (guint i = 0; i < project->objects->len; i++) {
    const ComposeObject *object = project->objects->pdata[i];
    const char *name = file_of(object, secrets);
    if (name == NULL || !g_str_equal(object->section, section))
      continue;
    if (is_first)
      g_string_append_printf(yaml, "%s:\n", section);
    is_first = false;
    const char *place = object->hash != NULL ? "/files/" : "/secrets/";
    g_autofree char *file = g_strconcat(folder, place, name, NULL);
    append_key(yaml, 2, object->name);
    g_string_append_c(yaml, '\n');
    append_pair(yaml, 4, "file", file);
  }
}

char *compose_override(const ComposeProject *project, GHashTable *pins, const char *folder,
                       GHashTable *secrets) {
  GString *yaml = g_string_new(
      "# Written by slipway. What it pins and rewrites is checked before anything starts.\nservices:\n");
  for (guint i = 0; i < project->services->len; i++) {
    const ComposeService *service = project->services->pdata[i];
    const char *pin = g_hash_table_lookup(pins, service->name);
    append_key(yaml, 2, service->name);
    g_string_append_c(yaml, '\n');
    append_pair(yaml, 4, "image", pin != NULL ? pin : service->image);
    if (service->has_build)
      g_string_append(yaml, "    build:\n      context: .\n");
    append_labels(yaml, project, service->name, secrets);
    append_volumes(yaml, project, service->name, folder);
  }
  append_objects(yaml, project, "configs", folder, secrets);
  append_objects(yaml, project, "secrets", folder, secrets);
  return g_string_free(yaml, FALSE);
}
