/* A service's `volumes:`: which entries mount something of the project, in both syntaxes of the Compose
 * specification. */
#include <string.h>

#include "environments/compose/reader.h"
#include "support/json.h"
#include "support/poison.h"
#include "support/text.h"

void mount_draft_free(MountDraft *draft) {
  if (draft == NULL)
    return;
  cJSON_Delete(draft->options);
  g_free(draft->target);
  g_free(draft->path);
  g_free(draft->where);
  g_free(draft);
}

/* What a word of short syntax's third part is in long syntax. */
static const struct {
  const char *word, *group, *key, *value; /* value NULL: true */
} short_options[] = {
    {"ro", NULL, "read_only", NULL},
    {"z", "bind", "selinux", "z"},
    {"Z", "bind", "selinux", "Z"},
    {"private", "bind", "propagation", "private"},
    {"rprivate", "bind", "propagation", "rprivate"},
    {"shared", "bind", "propagation", "shared"},
    {"rshared", "bind", "propagation", "rshared"},
    {"slave", "bind", "propagation", "slave"},
    {"rslave", "bind", "propagation", "rslave"},
    {"cached", NULL, "consistency", "cached"},
    {"consistent", NULL, "consistency", "consistent"},
    {"delegated", NULL, "consistency", "delegated"},
};

static void add_option(cJSON *options, const char *word) {
  for (gsize i = 0; i < G_N_ELEMENTS(short_options); i++) {
    if (!g_str_equal(word, short_options[i].word))
      continue;
    cJSON *into = options;
    if (short_options[i].group != NULL) {
      into = cJSON_GetObjectItemCaseSensitive(options, short_options[i].group);
      if (into == NULL)
        into = cJSON_AddObjectToObject(options, short_options[i].group);
    }
    if (short_options[i].value == NULL)
      json_set_boolean(into, short_options[i].key, true);
    else
      json_set_string(into, short_options[i].key, short_options[i].value);
  }
}

/* NULL when there are none: "rw" says nothing. */
static cJSON *options_of_short(const char *mode) {
  g_autoptr(cJSON) options = cJSON_CreateObject();
  g_auto(GStrv) words = g_strsplit(mode, ",", -1);
  for (char **word = words; *word != NULL; word++)
    add_option(options, *word);
  return options->child == NULL ? NULL : g_steal_pointer(&options);
}

static cJSON *json_of_scalar(Reader *reader, const YamlNode *node) {
  bool is_true = false;
  gint64 number = 0;
  if (yaml_is_null(node))
    return cJSON_CreateNull();
  if (node->plain && yaml_boolean(node, &is_true))
    return cJSON_CreateBool(is_true);
  if (node->plain && number_parse(node->text, 0, G_MAXINT, &number))
    return cJSON_CreateNumber((double)number);
  g_autofree char *text = reader_text(reader, node, "a volume's option");
  return cJSON_CreateString(text != NULL ? text : "");
}

static cJSON *json_of(Reader *reader, const YamlNode *node) {
  if (node->kind == YAML_SCALAR)
    return json_of_scalar(reader, node);
  cJSON *json = node->kind == YAML_SEQUENCE ? cJSON_CreateArray() : cJSON_CreateObject();
  for (guint i = 0; i < node->items->len; i++) {
    cJSON *item = json_of(reader, node->items->pdata[i]);
    if (node->kind == YAML_SEQUENCE)
      cJSON_AddItemToArray(json, item);
    else
      json_set(json, ((YamlNode *)node->keys->pdata[i])->text, item);
  }
  return json;
}

static cJSON *options_of_long(Reader *reader, const YamlNode *volume) {
  static const char *const own[] = {"type", "source", "target", NULL};
  g_autoptr(cJSON) options = cJSON_CreateObject();
  for (guint i = 0; i < volume->items->len; i++) {
    const char *key = ((YamlNode *)volume->keys->pdata[i])->text;
    if (!g_strv_contains(own, key))
      json_set(options, key, json_of(reader, volume->items->pdata[i]));
  }
  return options->child == NULL ? NULL : g_steal_pointer(&options);
}

/* A later entry for the same target replaces an earlier one, as in Compose; also one of ours by one that is
 * not. */
static void set_mount(Reader *reader, ServiceDraft *service, const YamlNode *node, const char *source,
                      const char *target, cJSON *options) {
  MountDraft *draft = g_new0(MountDraft, 1);
  draft->target = g_strdup(target);
  draft->where = reader_where(reader, node);
  draft->options = options;
  if (source != NULL)
    draft->path = reader_path(reader, draft->where, source);
  g_hash_table_replace(service->mounts, draft->target, draft);
}

/* [SOURCE:]TARGET[:MODE]; a source that does not begin with ".", "/" or "~" is a volume's name. */
static void read_short(Reader *reader, ServiceDraft *service, const YamlNode *node) {
  g_autofree char *text = reader_text(reader, node, "a volume");
  if (text == NULL)
    return;
  g_auto(GStrv) parts = g_strsplit(text, ":", -1);
  guint count = g_strv_length(parts);
  if (count > 3) {
    g_autofree char *where = reader_where(reader, node);
    reader_problem(reader, where,
                   "volume \"%s\" has too many colons; write SOURCE:TARGET[:MODE] or use the long syntax",
                   text);
    return;
  }
  if (count < 2) {
    set_mount(reader, service, node, NULL, text, NULL);
    return;
  }
  bool is_ours = *parts[0] == '.';
  set_mount(reader, service, node, is_ours ? parts[0] : NULL, parts[1],
            is_ours && count == 3 ? options_of_short(parts[2]) : NULL);
}

static void read_long(Reader *reader, ServiceDraft *service, const YamlNode *node) {
  const YamlNode *kind_node = yaml_get(node, "type"), *source_node = yaml_get(node, "source");
  const YamlNode *target_node = yaml_get(node, "target");
  if (target_node == NULL) {
    g_autofree char *where = reader_where(reader, node);
    reader_problem(reader, where, "a volume has no target");
    return;
  }
  g_autofree char *target = reader_text(reader, target_node, "target");
  g_autofree char *kind = kind_node == NULL ? NULL : reader_text(reader, kind_node, "type");
  g_autofree char *source = source_node == NULL ? NULL : reader_text(reader, source_node, "source");
  if (target == NULL)
    return;
  bool is_ours = g_strcmp0(kind, "bind") == 0 && source != NULL && *source != '\0' && !is_host_path(source);
  set_mount(reader, service, node, is_ours ? source : NULL, target,
            is_ours ? options_of_long(reader, node) : NULL);
}

void read_volumes(Reader *reader, ServiceDraft *service, const YamlNode *volumes) {
  if (replaces_earlier(volumes))
    g_hash_table_remove_all(service->mounts);
  if (yaml_is_null(volumes) || is_reset(volumes))
    return;
  if (volumes->kind != YAML_SEQUENCE) {
    g_autofree char *where = reader_where(reader, volumes);
    reader_problem(reader, where, "volumes of service \"%s\" must be a list", service->name);
    return;
  }
  for (guint i = 0; i < volumes->items->len; i++) {
    const YamlNode *volume = volumes->items->pdata[i];
    if (volume->kind == YAML_MAPPING)
      read_long(reader, service, volume);
    else
      read_short(reader, service, volume);
  }
}
