/* slipway.yml from text to checked structs: reading by the schema, then what only the whole file can tell. */
#include "environments/config/config.h"

#include <string.h>

#include "environments/config/history_place.h"
#include "environments/config/schema.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/text.h"

#include "support/poison.h"

#define LARGEST_FILE (1 << 20)

void named_value_free(NamedValue *value) {
  g_free(value->name);
  g_free(value->value);
  g_free(value);
}

void ssh_settings_clear(SshSettings *ssh) {
  g_clear_pointer(&ssh->user, g_free);
  g_clear_pointer(&ssh->keys, g_ptr_array_unref);
  g_clear_pointer(&ssh->known_hosts, g_free);
  g_clear_pointer(&ssh->proxy_jump, g_free);
  g_clear_pointer(&ssh->proxy_command, g_free);
}

static void host_config_clear(HostConfig *host) {
  g_free(host->name);
  g_free(host->address);
  g_free(host->engine);
  g_free(host->id);
  g_clear_pointer(&host->profiles, g_ptr_array_unref);
  ssh_settings_clear(&host->ssh);
}

void host_config_free(HostConfig *host) {
  host_config_clear(host);
  g_free(host);
}

void http_check_free(HttpCheck *check) {
  g_free(check->url);
  g_free(check);
}

static void unref_list(GPtrArray **list) {
  g_clear_pointer(list, g_ptr_array_unref);
}

void inventory_config_free(InventoryConfig *inventory) {
  unref_list(&inventory->ec2.regions);
  unref_list(&inventory->ec2.tags);
  g_free(inventory->ec2.profile);
  unref_list(&inventory->command);
  host_config_clear(&inventory->host);
  g_free(inventory);
}

void task_config_free(TaskConfig *task) {
  g_free(task->name);
  unref_list(&task->command);
  g_free(task->service);
  unref_list(&task->environments);
  unref_list(&task->artifacts);
  g_free(task->input);
  g_free(task);
}

void secret_config_free(SecretConfig *secret) {
  g_free(secret->name);
  g_free(secret->env);
  g_free(secret->file);
  unref_list(&secret->command);
  g_free(secret->dotenv);
  g_free(secret->key);
  g_free(secret->mount);
  g_free(secret);
}

SecretSource secret_source(const SecretConfig *secret) {
  if (secret->env != NULL)
    return SECRET_FROM_ENV;
  if (secret->file != NULL)
    return SECRET_FROM_FILE;
  return secret->dotenv != NULL ? SECRET_FROM_DOTENV : SECRET_FROM_COMMAND;
}

void environment_free(Environment *environment) {
  g_free(environment->name);
  unref_list(&environment->hosts);
  unref_list(&environment->compose);
  unref_list(&environment->variables);
  unref_list(&environment->health.http);
  unref_list(&environment->inventories);
  unref_list(&environment->files);
  unref_list(&environment->secrets);
  unref_list(&environment->tasks.before_host);
  unref_list(&environment->tasks.after_host);
  unref_list(&environment->tasks.before);
  unref_list(&environment->tasks.verify);
  unref_list(&environment->tasks.after);
  unref_list(&environment->tasks.run);
  unref_list(&environment->gates.requires);
  unref_list(&environment->gates.window);
  unref_list(&environment->gates.command);
  g_free(environment);
}

void config_free(Config *config) {
  if (config == NULL)
    return;
  g_free(config->path);
  g_free(config->directory);
  g_free(config->app);
  g_free(config->history);
  unref_list(&config->images);
  unref_list(&config->pipeline);
  unref_list(&config->insecure_registries);
  unref_list(&config->environments);
  g_free(config);
}

static void root_draft_free(RootDraft *root) {
  unref_list(&root->compose);
  config_free(&root->config); /* the first member: frees the draft */
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RootDraft, root_draft_free)

/* The names of all environments, NULL-terminated; the names are borrowed. */
static GPtrArray *environment_names(const Config *config) {
  GPtrArray *names = g_ptr_array_new();
  for (guint i = 0; i < config->environments->len; i++)
    g_ptr_array_add(names, ((Environment *)config->environments->pdata[i])->name);
  g_ptr_array_add(names, NULL);
  return names;
}

/* "; did you mean "prod"?" or "; there are ci, prod". Caller frees. */
static char *suggest_environment(const Config *config, const char *name) {
  g_autoptr(GPtrArray) names = environment_names(config);
  const char *nearest = nearest_word(name, (const char *const *)names->pdata);
  g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
  return nearest != NULL ? g_strdup_printf("did you mean \"%s\"? (there are %s)", nearest, list)
                         : g_strdup_printf("there are %s", list);
}

static void check_pipeline(Reader *reader, const Config *config, const YamlNode *node) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; node != NULL && node->kind == YAML_SEQUENCE && i < node->items->len; i++) {
    const YamlNode *item = node->items->pdata[i];
    g_autofree char *name =
        item->kind == YAML_SCALAR ? text_convert(&text_environment, item->text, NULL) : NULL;
    if (name == NULL)
      continue; /* reported already */
    if (!g_hash_table_add(seen, item->text))
      reader_report(reader, item, "pipeline: \"%s\" is in it twice", name);
    if (config_find_environment(config, name) != NULL)
      continue;
    g_autofree char *suggestion = suggest_environment(config, name);
    reader_report(reader, item, "pipeline: no environment \"%s\" is defined; %s", name, suggestion);
  }
}

/* A service is matched to an image by its repository, so no two images may share one. */
static void check_images(Reader *reader, const YamlNode *node) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  if (node == NULL || node->kind != YAML_MAPPING)
    return;
  if (node->items->len == 0)
    reader_report(reader, node, "images: empty; name at least one image");
  for (guint i = 0; i < node->items->len; i++) {
    const YamlNode *item = node->items->pdata[i];
    if (item->kind == YAML_SCALAR && !g_hash_table_add(seen, item->text))
      reader_report(reader, item, "images: another image has the repository \"%.255s\" already", item->text);
  }
}

/* So that what is printed of an environment alone requires the same. */
static void fill_requires(const Config *config) {
  for (guint i = 1; i < config->pipeline->len; i++) {
    Environment *environment = config_find_environment(config, config->pipeline->pdata[i]);
    if (environment == NULL || environment->gates.has_requires)
      continue;
    environment->gates.has_requires = true;
    g_ptr_array_add(environment->gates.requires, g_strdup(config->pipeline->pdata[i - 1]));
  }
}

static void check_environments(Reader *reader, const Config *config, const YamlNode *node) {
  for (guint i = 0; node != NULL && node->kind == YAML_MAPPING && i < config->environments->len; i++)
    rules_check_environment(reader, config, config->environments->pdata[i], node->keys->pdata[i]);
}

static void report_duplicates(Reader *reader, const GPtrArray *duplicates) {
  for (guint i = 0; i < duplicates->len; i++) {
    const YamlDuplicate *duplicate = duplicates->pdata[i];
    g_autofree char *shown = text_printable(duplicate->key->text, false);
    reader_report(reader, duplicate->key, "duplicate key \"%.80s\"; it is already at line %u", shown,
                  duplicate->first->line);
  }
}

static bool read_document(const YamlDocument *document, const char *directory, RootDraft *root,
                          GError **error) {
  static const SchemaKey whole = {.name = "slipway.yml"};
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
  Reader reader = {.file = document->file, .directory = directory, .problems = problems};
  const YamlNode *node = document->root;
  report_duplicates(&reader, document->duplicates);
  if (node == NULL || yaml_is_null(node)) {
    reader_report(&reader, NULL,
                  "the file is empty; it needs at least app, images, pipeline, compose and environments");
  } else if (reader_expect(&reader, &whole, node, YAML_MAPPING, "a mapping")) {
    schema_read(&reader, &root_schema, node, root);
    schema_require(&reader, &root_schema, node, NULL, node);
    check_images(&reader, yaml_get(node, "images"));
    check_pipeline(&reader, &root->config, yaml_get(node, "pipeline"));
    check_environments(&reader, &root->config, yaml_get(node, "environments"));
  }
  return reader_finish(&reader, error);
}

bool config_parse(const char *name, const char *directory, const char *text, gsize length, Config **config,
                  GError **error) {
  g_autoptr(YamlDocument) document = NULL;
  g_autoptr(RootDraft) root = g_new0(RootDraft, 1);
  schema_prepare(&root_schema, root);
  root->config.path = g_strdup(name);
  root->config.directory = g_canonicalize_filename(directory, NULL);
  if (!yaml_parse_noting_duplicates(name, text, length, &document, error) ||
      !read_document(document, root->config.directory, root, error))
    return false;
  fill_requires(&root->config);
  if (root->config.history == NULL)
    root->config.history = history_place_default(root->config.app);
  unref_list(&root->compose);
  *config = &g_steal_pointer(&root)->config;
  return true;
}

bool config_load(const char *path, Config **config, GError **error) {
  g_autoptr(GBytes) bytes = NULL;
  g_autofree char *directory = g_path_get_dirname(path);
  gsize length = 0;
  if (!file_read(path, LARGEST_FILE, &bytes, error))
    return false;
  const char *text = g_bytes_get_data(bytes, &length);
  return config_parse(path, directory, text != NULL ? text : "", length, config, error);
}

Environment *config_find_environment(const Config *config, const char *name) {
  for (guint i = 0; i < config->environments->len; i++) {
    Environment *environment = config->environments->pdata[i];
    if (strcmp(environment->name, name) == 0)
      return environment;
  }
  return NULL;
}

bool config_require_environment(const Config *config, const char *name, Environment **environment,
                                GError **error) {
  Environment *found = config_find_environment(config, name);
  if (found == NULL) {
    g_autofree char *suggestion = suggest_environment(config, name);
    return fail(error, SLIPWAY_ERROR_USAGE, "no environment \"%s\" in %s; %s", name, config->path,
                suggestion);
  }
  *environment = found;
  return true;
}

const HostConfig *environment_find_host(const Environment *environment, const char *name) {
  for (guint i = 0; i < environment->hosts->len; i++) {
    const HostConfig *host = environment->hosts->pdata[i];
    if (strcmp(host->name, name) == 0)
      return host;
  }
  return NULL;
}

bool environment_require_host(const Environment *environment, const char *name, GError **error) {
  if (environment_find_host(environment, name) != NULL)
    return true;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < environment->hosts->len; i++)
    g_ptr_array_add(names, ((const HostConfig *)environment->hosts->pdata[i])->name);
  g_ptr_array_add(names, NULL);
  g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
  return fail(error, SLIPWAY_ERROR_USAGE, "--host %s: %s has no such host; it has %s", name,
              environment->name, list);
}

/* Its place in the pipeline, or -1. */
static int pipeline_index(const Config *config, const char *name) {
  for (guint i = 0; i < config->pipeline->len; i++)
    if (strcmp(config->pipeline->pdata[i], name) == 0)
      return (int)i;
  return -1;
}

const char *config_environment_before(const Config *config, const char *name) {
  int index = pipeline_index(config, name);
  return index > 0 ? config->pipeline->pdata[index - 1] : NULL;
}

bool config_is_in_pipeline(const Config *config, const char *name) {
  return pipeline_index(config, name) >= 0;
}
