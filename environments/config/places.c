/* Types with rules of their own: environments, what they share, their hosts, and how many of those change at
 * a time. */
#include <string.h>

#include "environments/config/schema.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

#define LOCAL "local" /* the address of this machine */

static void draft_clear(EnvironmentDraft *draft) {
  ssh_settings_clear(&draft->ssh);
  g_clear_pointer(&draft->engine, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EnvironmentDraft, draft_clear)

static void ssh_settings_copy(const SshSettings *from, SshSettings *to) {
  *to = *from;
  to->user = g_strdup(from->user);
  to->key = g_strdup(from->key);
  to->known_hosts = g_strdup(from->known_hosts);
}

static void prepare_hosts(const SchemaKey *row, void *target) {
  EnvironmentDraft *draft = target;
  (void)row;
  draft->environment.hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
}

/* Only notes them: ssh and engine may still come from the environment after `defaults` has been read. */
static void read_hosts(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  (void)target;
  if (!reader_expect(reader, row, node, YAML_SEQUENCE, "a list of hosts"))
    return;
  if (node->items->len == 0)
    reader_report(reader, node, "hosts: the list is empty; name at least one host, or \"local\"");
  reader->hosts = node;
}

/* Another `address` says user and port anew; an `ssh` mapping beside it wins over both. */
static void read_address(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  static const char expected[] = "host, user@host:port or local";
  HostConfig *host = target;
  g_autofree char *user = NULL, *address = NULL;
  guint port = 0;
  if (!reader_expect(reader, row, node, YAML_SCALAR, expected))
    return;
  bool is_local = strcmp(node->text, LOCAL) == 0;
  if (!is_local && !address_split(node->text, &user, &address, &port)) {
    reader_report_type(reader, row, node, expected);
    return;
  }
  if (host->name == NULL)
    host->name = g_strdup(is_local ? LOCAL : address);
  if (user != NULL) {
    g_free(host->ssh.user);
    host->ssh.user = g_steal_pointer(&user);
  }
  if (port != 0)
    host->ssh.port = port;
  host->address = g_steal_pointer(&address);
}

static cJSON *write_address(const SchemaKey *row, const void *target, const char *directory) {
  const HostConfig *host = target;
  (void)row, (void)directory;
  return cJSON_CreateString(host->address != NULL ? host->address : LOCAL);
}

const KeyType type_address = {.shown = "address", .read = read_address, .write = write_address};

static void read_host_mapping(Reader *reader, const YamlNode *node, HostConfig *host) {
  const YamlNode *address = yaml_get(node, "address"), *ssh = yaml_get(node, "ssh");
  schema_read(reader, &host_schema, node, host);
  schema_require(reader, &host_schema, node, NULL, node);
  if (ssh != NULL && address != NULL && address->kind == YAML_SCALAR && strcmp(address->text, LOCAL) == 0)
    reader_report(reader, ssh, "ssh: this machine is not reached over SSH; remove it");
}

/* The local host has no SSH settings but the defaults: nothing reads them. */
static void forget_ssh_of_local(HostConfig *host) {
  if (host->address != NULL)
    return;
  ssh_settings_clear(&host->ssh);
  HostConfig fresh = {0};
  schema_prepare(&host_schema, &fresh);
  host->ssh = fresh.ssh;
}

static void read_host(Reader *reader, const YamlNode *node, const EnvironmentDraft *draft, HostConfig *host) {
  static const SchemaKey entry = {.name = "hosts"};
  schema_prepare(&host_schema, host);
  ssh_settings_copy(&draft->ssh, &host->ssh);
  host->engine = g_strdup(draft->engine);
  if (node->kind == YAML_SCALAR)
    read_address(reader, &entry, node, host);
  else if (reader_expect(reader, &entry, node, YAML_MAPPING, "host, user@host:port, local or a mapping"))
    read_host_mapping(reader, node, host);
  forget_ssh_of_local(host);
}

static void make_hosts(Reader *reader, const YamlNode *node, EnvironmentDraft *draft) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < node->items->len; i++) {
    HostConfig *host = g_new0(HostConfig, 1);
    g_ptr_array_add(draft->environment.hosts, host);
    read_host(reader, node->items->pdata[i], draft, host);
    if (host->name != NULL && !g_hash_table_add(names, host->name))
      reader_report(reader, node->items->pdata[i], "hosts: a second host named \"%s\"; give one another name",
                    host->name);
  }
}

static cJSON *write_hosts(const SchemaKey *row, const void *target, const char *directory) {
  const Environment *environment = target;
  cJSON *list = cJSON_CreateArray();
  for (guint i = 0; i < environment->hosts->len; i++) {
    const HostConfig *host = environment->hosts->pdata[i];
    cJSON *entry = schema_to_json(row->section, host, directory);
    if (host->address == NULL)
      cJSON_DeleteItemFromObjectCaseSensitive(entry, "ssh");
    cJSON_AddItemToArray(list, entry);
  }
  return list;
}

const KeyType type_hosts = {
    .shown = "list", .below = "[].", .prepare = prepare_hosts, .read = read_hosts, .write = write_hosts};

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
    make_hosts(reader, reader->hosts, draft);
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
