/* Tasks, secrets and gates: what can be wrong with them although each of their keys is right. */
#include <string.h>

#include "environments/config/schema.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

/* ---- tasks ---- */

/* Keys that say something about a container; without `service` there is none. */
static void check_task(Reader *reader, const YamlNode *node) {
  static const char *const keys[] = {"on", "artifacts", "stdin"};
  for (gsize i = 0; yaml_get(node, "service") == NULL && i < G_N_ELEMENTS(keys); i++) {
    const YamlNode *value = yaml_get(node, keys[i]);
    if (value != NULL)
      reader_report(reader, value, "%s: only for a task in a container: add service", keys[i]);
  }
}

static void prepare_tasks(const SchemaKey *row, void *target) {
  type_sections.prepare(row, target);
}

static void read_tasks(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  type_sections.read(reader, row, node, target);
  for (guint i = 0; node->kind == YAML_SEQUENCE && i < node->items->len; i++)
    if (((const YamlNode *)node->items->pdata[i])->kind == YAML_MAPPING)
      check_task(reader, node->items->pdata[i]);
}

/* What says nothing is left out, or reading it back would find fault with it. */
static cJSON *write_tasks(const SchemaKey *row, const void *target, const char *directory) {
  cJSON *list = type_sections.write(row, target, directory), *task = NULL;
  cJSON_ArrayForEach(task, list) {
    if (json_string(task, "service") == NULL) {
      cJSON_DeleteItemFromObjectCaseSensitive(task, "on");
      cJSON_DeleteItemFromObjectCaseSensitive(task, "artifacts");
    }
  }
  return list;
}

const KeyType type_tasks = {
    .shown = "list", .below = "[].", .prepare = prepare_tasks, .read = read_tasks, .write = write_tasks};

/* ---- secrets ---- */

static GPtrArray **secrets_field(const SchemaKey *row, void *target) {
  return (GPtrArray **)(void *)((char *)target + row->offset);
}

static void prepare_secrets(const SchemaKey *row, void *target) {
  *secrets_field(row, target) = g_ptr_array_new_with_free_func((GDestroyNotify)secret_config_free);
}

static void check_source(Reader *reader, const YamlNode *key, const YamlNode *node) {
  static const char *const sources[] = {"env", "file", "command", "dotenv"};
  guint count = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(sources); i++)
    count += yaml_get(node, sources[i]) != NULL ? 1 : 0;
  bool is_decrypted = yaml_get(node, "dotenv") != NULL && yaml_get(node, "command") != NULL;
  if (count - (is_decrypted ? 1 : 0) != 1)
    reader_report(reader, key, "%s: say where it comes from with one of env, file, command and dotenv",
                  key->text);
  if (yaml_get(node, "key") != NULL && yaml_get(node, "dotenv") == NULL)
    reader_report(reader, yaml_get(node, "key"), "key: only for a dotenv file");
}

/* Replaces the one of this name, or adds it. */
static void put_secret(GPtrArray *secrets, SecretConfig *secret) {
  for (guint i = 0; i < secrets->len; i++) {
    SecretConfig *there = secrets->pdata[i];
    if (strcmp(there->name, secret->name) != 0)
      continue;
    secret_config_free(there);
    secrets->pdata[i] = secret;
    return;
  }
  g_ptr_array_add(secrets, secret);
}

/* Name by name over what was there: an environment's over those of `defaults`. */
static void read_secrets(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  GPtrArray *secrets = *secrets_field(row, target);
  if (yaml_is_null(node) || !reader_expect(reader, row, node, YAML_MAPPING, "a mapping of names to secrets"))
    return;
  for (guint i = 0; i < node->items->len; i++) {
    const YamlNode *key = node->keys->pdata[i], *item = node->items->pdata[i];
    g_autofree char *name = text_convert(row->name_text, key->text, reader->directory);
    if (name == NULL)
      reader_report_type(reader, row, key, row->name_text->expected);
    if (!reader_expect(reader, row, item, YAML_MAPPING, "where it comes from: {env: NAME}, {file: PATH} …"))
      continue;
    SecretConfig *secret = g_new0(SecretConfig, 1);
    secret->name = g_strdup(key->text);
    schema_prepare(row->section, secret);
    schema_read(reader, row->section, item, secret);
    check_source(reader, key, item);
    put_secret(secrets, secret);
  }
}

static cJSON *write_secrets(const SchemaKey *row, const void *target, const char *directory) {
  const GPtrArray *secrets = *(GPtrArray *const *)(const void *)((const char *)target + row->offset);
  cJSON *mapping = cJSON_CreateObject();
  for (guint i = 0; i < secrets->len; i++) {
    const SecretConfig *secret = secrets->pdata[i];
    cJSON_AddItemToObject(mapping, secret->name, schema_to_json(row->section, secret, directory));
  }
  return mapping;
}

const KeyType type_secrets = {.shown = "mapping",
                              .below = ".NAME.",
                              .prepare = prepare_secrets,
                              .read = read_secrets,
                              .write = write_secrets};

/* ---- gates ---- */

static void prepare_requires(const SchemaKey *row, void *target) {
  type_text_or_texts.prepare(row, target);
}

static void read_requires(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  ((GatesConfig *)target)->has_requires = true;
  type_text_or_texts.read(reader, row, node, target);
}

static cJSON *write_requires(const SchemaKey *row, const void *target, const char *directory) {
  return ((const GatesConfig *)target)->has_requires ? type_text_or_texts.write(row, target, directory)
                                                     : NULL;
}

const KeyType type_requires = {
    .shown = "list", .prepare = prepare_requires, .read = read_requires, .write = write_requires};

/* ---- what refers to something ---- */

/* A single environment may be a part of a file (`slipway config ENV`, a snapshot): the others are not there.
 */
static void check_environment_names(Reader *reader, const Config *config, const Environment *self,
                                    const GPtrArray *names, const char *what, const YamlNode *at) {
  if (config->environments->len == 1)
    return;
  for (guint i = 0; names != NULL && i < names->len; i++) {
    const char *name = names->pdata[i];
    if (*name == '\0') /* reported already */
      continue;
    if (config_find_environment(config, name) == NULL)
      reader_report(reader, at, "%s: %s: no environment \"%s\" is defined", self->name, what, name);
  }
}

static void check_requires(Reader *reader, const Config *config, const Environment *environment,
                           const YamlNode *at) {
  const GPtrArray *requires = environment->gates.requires;
  check_environment_names(reader, config, environment, requires, "requires", at);
  for (guint i = 0; i < requires->len; i++)
    if (strcmp(requires->pdata[i], environment->name) == 0)
      reader_report(reader, at, "%s: requires: it names itself", environment->name);
}

static void check_task_names(Reader *reader, const Config *config, const Environment *environment,
                             const YamlNode *at) {
  const TasksConfig *tasks = &environment->tasks;
  const GPtrArray *const lists[] = {tasks->before, tasks->verify, tasks->after, tasks->run};
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
    for (guint k = 0; k < lists[i]->len; k++) {
      const TaskConfig *task = lists[i]->pdata[k];
      check_environment_names(reader, config, environment, task->environments, "tasks: environments", at);
      if (task->name != NULL && !g_hash_table_add(names, task->name))
        reader_report(reader, at, "%s: tasks: a second task named \"%s\"; give one another name",
                      environment->name, task->name);
    }
}

static void check_secret_names(Reader *reader, const Environment *environment, const YamlNode *at) {
  g_autoptr(GHashTable) mounts = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < environment->secrets->len; i++) {
    const SecretConfig *secret = environment->secrets->pdata[i];
    for (guint k = 0; k < environment->variables->len; k++)
      if (strcmp(((const NamedValue *)environment->variables->pdata[k])->name, secret->name) == 0)
        reader_report(reader, at, "%s: \"%s\" is a variable and a secret; remove one of them",
                      environment->name, secret->name);
    if (secret->mount != NULL && !g_hash_table_add(mounts, secret->mount))
      reader_report(reader, at, "%s: secrets: two of them are the content of the Compose secret \"%s\"",
                    environment->name, secret->mount);
  }
}

void rules_check_environment(Reader *reader, const Config *config, const Environment *environment,
                             const YamlNode *key) {
  check_requires(reader, config, environment, key);
  check_task_names(reader, config, environment, key);
  check_secret_names(reader, environment, key);
}
