/* Types with rules of their own: environments, what they share, and how many of their hosts change at a time.
 */
#include <string.h>

#include "environments/config/schema.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

static void draft_clear(EnvironmentDraft *draft) {
  ssh_settings_clear(&draft->ssh);
  g_clear_pointer(&draft->engine, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EnvironmentDraft, draft_clear)

static void read_batch(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  static const char expected[] = "a number of hosts from 1 on, or a share from 1% to 100%";
  RolloutConfig *rollout = target;
  gint64 number = 0;
  if (!reader_expect(reader, row, node, YAML_SCALAR, expected))
    return;
  bool is_share = g_str_has_suffix(node->text, "%");
  g_autofree char *digits = g_strndup(node->text, strlen(node->text) - (is_share ? 1 : 0));
  if (!number_parse(digits, row->low, is_share ? 100 : row->high, &number)) {
    reader_report_type(reader, row, node, expected);
    return;
  }
  rollout->batch = is_share ? 0 : (guint)number;
  rollout->batch_percent = is_share ? (guint)number : 0;
}

static cJSON *write_batch(const SchemaKey *row, const void *target, const char *directory) {
  const RolloutConfig *rollout = target;
  (void)row, (void)directory;
  if (rollout->batch != 0)
    return cJSON_CreateNumber(rollout->batch);
  g_autofree char *share = g_strdup_printf("%u%%", rollout->batch_percent);
  return cJSON_CreateString(share);
}

const KeyType type_batch = {.shown = "number or share", .read = read_batch, .write = write_batch};

static void free_draft(EnvironmentDraft *draft) {
  draft_clear(draft);
  environment_free(&draft->environment); /* the first member: frees the draft */
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EnvironmentDraft, free_draft)

/* Reads `defaults` once for its problems, and notes it for every environment to start from. */
static void read_defaults(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  (void)target;
  if (yaml_is_null(node) || !reader_expect(reader, row, node, YAML_MAPPING, "a mapping"))
    return;
  g_autoptr(EnvironmentDraft) scratch = g_new0(EnvironmentDraft, 1);
  schema_prepare(row->section, scratch);
  schema_read(reader, row->section, node, scratch);
  reader->defaults = node;
}

const KeyType type_defaults = {.shown = "mapping", .read = read_defaults};

static void prepare_environments(const SchemaKey *row, void *target) {
  RootDraft *root = target;
  (void)row;
  root->config.environments = g_ptr_array_new_with_free_func((GDestroyNotify)environment_free);
}

static void prepend_base_files(Reader *reader, GPtrArray *compose) {
  for (guint i = 0; i < reader->compose->len; i++)
    g_ptr_array_insert(compose, (int)i, g_strdup(reader->compose->pdata[i]));
}

static void read_environment(Reader *reader, const SchemaKey *row, const YamlNode *key, const YamlNode *node,
                             EnvironmentDraft *draft) {
  schema_prepare(row->section, draft);
  draft->environment.name = g_strdup(key->text);
  reader->hosts = NULL;
  if (reader->defaults != NULL) {
    reader->is_muted = true;
    schema_read(reader, row->section, reader->defaults, draft);
    reader->is_muted = false;
  }
  if (!yaml_is_null(node) && reader_expect(reader, row, node, YAML_MAPPING, "a mapping"))
    schema_read(reader, row->section, node, draft);
  schema_require(reader, row->section, node, reader->defaults, key);
  if (reader->hosts != NULL)
    hosts_make(reader, reader->hosts, draft);
  prepend_base_files(reader, draft->environment.compose);
  if (draft->environment.compose->len == 0)
    reader_report(reader, key,
                  "missing key \"compose\": no Compose file, neither here nor at the top of the file");
}

static void read_environments(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  RootDraft *root = target;
  if (!reader_expect(reader, row, node, YAML_MAPPING, "a mapping of names to environments"))
    return;
  reader->compose = root->compose;
  if (node->items->len == 0 || node->items->len > MOST_ENVIRONMENTS) {
    reader_report(reader, node, "environments: expected 1 to %d of them, not %u", MOST_ENVIRONMENTS,
                  node->items->len);
    return;
  }
  for (guint i = 0; i < node->items->len; i++) {
    const YamlNode *key = node->keys->pdata[i];
    g_autofree char *name = text_convert(&text_environment, key->text, NULL);
    g_autoptr(EnvironmentDraft) draft = g_new0(EnvironmentDraft, 1);
    if (name == NULL)
      reader_report_type(reader, row, key, text_environment.expected);
    read_environment(reader, row, key, node->items->pdata[i], draft);
    draft_clear(draft);
    g_ptr_array_add(root->config.environments, &g_steal_pointer(&draft)->environment);
  }
}

static cJSON *write_environments(const SchemaKey *row, const void *target, const char *directory) {
  const Config *config = target;
  cJSON *mapping = cJSON_CreateObject();
  for (guint i = 0; i < config->environments->len; i++) {
    const Environment *environment = config->environments->pdata[i];
    cJSON_AddItemToObject(mapping, environment->name, schema_to_json(row->section, environment, directory));
  }
  return mapping;
}

const KeyType type_environments = {.shown = "mapping",
                                   .below = ".NAME.",
                                   .prepare = prepare_environments,
                                   .read = read_environments,
                                   .write = write_environments};
