/* `hosts`: those that slipway.yml names, and the inventories that name others. */
#include <string.h>

#include "environments/config/schema.h"
#include "support/json.h"

#include "support/poison.h"

#define LOCAL "local" /* the address of this machine */

static char *copy_text(const void *text, void *unused) {
  (void)unused;
  return g_strdup(text);
}

static GPtrArray *copy_texts(GPtrArray *texts) {
  return g_ptr_array_copy(texts, (GCopyFunc)copy_text, NULL);
}

/* Lets go of what `to` has. */
static void copy_ssh(const SshSettings *from, SshSettings *to) {
  ssh_settings_clear(to);
  *to = *from;
  to->user = g_strdup(from->user);
  to->keys = copy_texts(from->keys);
  to->known_hosts = g_strdup(from->known_hosts);
  to->proxy_jump = g_strdup(from->proxy_jump);
  to->proxy_command = g_strdup(from->proxy_command);
}

HostConfig *host_config_copy(const HostConfig *host) {
  HostConfig *copy = g_new0(HostConfig, 1);
  copy_ssh(&host->ssh, &copy->ssh);
  copy->name = g_strdup(host->name);
  copy->address = g_strdup(host->address);
  copy->engine = g_strdup(host->engine);
  copy->id = g_strdup(host->id);
  copy->profiles = copy_texts(host->profiles);
  return copy;
}

static const TextKind *const host_texts[] = {[HOST_TEXT_NAME] = &text_host_name,
                                             [HOST_TEXT_USER] = &text_user,
                                             [HOST_TEXT_PROFILE] = &text_name,
                                             [HOST_TEXT_REGION] = &text_region};

bool host_text_is_valid(HostText kind, const char *text) {
  g_autofree char *converted = text_convert(host_texts[kind], text, NULL);
  return converted != NULL;
}

const char *host_text_expected(HostText kind) {
  return host_texts[kind]->expected;
}

static void prepare_hosts(const SchemaKey *row, void *target) {
  EnvironmentDraft *draft = target;
  (void)row;
  draft->environment.hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
  draft->environment.inventories = g_ptr_array_new_with_free_func((GDestroyNotify)inventory_config_free);
}

/* Only notes them: ssh and engine may still come from the environment after `defaults` has been read. */
static void read_hosts(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  (void)target;
  if (node->kind != YAML_MAPPING &&
      !reader_expect(reader, row, node, YAML_SEQUENCE, "a list of hosts, or an inventory"))
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
  schema_prepare(&ssh_schema, &host->ssh);
}

static void start_from(const EnvironmentDraft *draft, HostConfig *host) {
  copy_ssh(&draft->ssh, &host->ssh);
  host->engine = g_strdup(draft->engine);
}

static void read_host(Reader *reader, const YamlNode *node, const EnvironmentDraft *draft, HostConfig *host) {
  static const SchemaKey entry = {.name = "hosts"};
  schema_prepare(&host_schema, host);
  start_from(draft, host);
  if (node->kind == YAML_SCALAR)
    read_address(reader, &entry, node, host);
  else if (reader_expect(reader, &entry, node, YAML_MAPPING, "host, user@host:port, local or a mapping"))
    read_host_mapping(reader, node, host);
  forget_ssh_of_local(host);
}

static bool is_inventory(const YamlNode *node) {
  return yaml_get(node, "ec2") != NULL || yaml_get(node, "command") != NULL;
}

static void add_inventory(Reader *reader, const YamlNode *node, EnvironmentDraft *draft) {
  static const SchemaKey entry = {.name = "hosts"};
  InventoryConfig *inventory = g_new0(InventoryConfig, 1);
  g_ptr_array_add(draft->environment.inventories, inventory);
  schema_prepare(&inventory_schema, inventory);
  inventory->position = draft->environment.hosts->len;
  start_from(draft, &inventory->host);
  if (!reader_expect(reader, &entry, node, YAML_MAPPING, "a mapping with ec2 or command"))
    return;
  schema_read(reader, &inventory_schema, node, inventory);
  const YamlNode *ec2 = yaml_get(node, "ec2"), *command = yaml_get(node, "command");
  if (ec2 != NULL && command != NULL)
    reader_report(reader, command, "command: not beside ec2; an inventory is one of the two");
  else if (ec2 != NULL && ec2->kind == YAML_MAPPING && inventory->ec2.tags->len == 0)
    reader_report(reader, ec2,
                  "ec2: tags: name at least one tag, or every instance of the account is a host");
}

static void add_host(Reader *reader, const YamlNode *node, EnvironmentDraft *draft, GHashTable *names) {
  HostConfig *host = g_new0(HostConfig, 1);
  g_ptr_array_add(draft->environment.hosts, host);
  read_host(reader, node, draft, host);
  if (host->name != NULL && !g_hash_table_add(names, host->name))
    reader_report(reader, node, "hosts: a second host named \"%s\"; give one another name", host->name);
}

void hosts_make(Reader *reader, const YamlNode *node, EnvironmentDraft *draft) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  if (node->kind == YAML_MAPPING) {
    add_inventory(reader, node, draft);
    return;
  }
  for (guint i = 0; i < node->items->len; i++) {
    const YamlNode *item = node->items->pdata[i];
    if (is_inventory(item))
      add_inventory(reader, item, draft);
    else
      add_host(reader, item, draft, names);
  }
}

static cJSON *write_inventory(const InventoryConfig *inventory, const char *directory) {
  cJSON *entry = schema_to_json(&inventory_schema, inventory, directory);
  if (inventory->command->len > 0)
    cJSON_DeleteItemFromObjectCaseSensitive(entry, "ec2");
  return entry;
}

/* Those that stand before the host with this index. */
static void write_inventories(const Environment *environment, guint position, const char *directory,
                              cJSON *list) {
  for (guint i = 0; environment->inventories != NULL && i < environment->inventories->len; i++) {
    const InventoryConfig *inventory = environment->inventories->pdata[i];
    if (inventory->position == position)
      cJSON_AddItemToArray(list, write_inventory(inventory, directory));
  }
}

static cJSON *write_hosts(const SchemaKey *row, const void *target, const char *directory) {
  const Environment *environment = target;
  cJSON *list = cJSON_CreateArray();
  for (guint i = 0; i < environment->hosts->len; i++) {
    const HostConfig *host = environment->hosts->pdata[i];
    write_inventories(environment, i, directory, list);
    cJSON *entry = schema_to_json(row->section, host, directory);
    if (host->address == NULL)
      cJSON_DeleteItemFromObjectCaseSensitive(entry, "ssh");
    cJSON_AddItemToArray(list, entry);
  }
  write_inventories(environment, environment->hosts->len, directory, list);
  return list;
}

const KeyType type_hosts = {.shown = "list or inventory",
                            .below = "[].",
                            .prepare = prepare_hosts,
                            .read = read_hosts,
                            .write = write_hosts};
