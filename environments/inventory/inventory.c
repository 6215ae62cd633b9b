/* From what the sources found to hosts of the environment: names, order, limits. */
#include "environments/inventory/inventory.h"

#include <string.h>

#include "environments/inventory/source.h"
#include "support/errors.h"

#include "support/poison.h"

enum { DEFAULT_PORT = 22 };

void found_host_free(FoundHost *host) {
  g_free(host->name);
  g_free(host->address);
  g_free(host->id);
  g_free(host->user);
  g_clear_pointer(&host->profiles, g_ptr_array_unref);
  g_free(host);
}

GPtrArray *found_hosts_new(void) {
  return g_ptr_array_new_with_free_func((GDestroyNotify)found_host_free);
}

/* ---- names -----------------------------------------------------------------------------------------------
 */

/* How often a name is wanted, by slipway.yml's hosts and by those found. The keys are borrowed. */
static void count(GHashTable *counts, const char *name) {
  guint before = GPOINTER_TO_UINT(g_hash_table_lookup(counts, name));
  g_hash_table_replace(counts, (gpointer)name, GUINT_TO_POINTER(before + 1));
}

/* `lists`: of lists of FoundHost. */
static GHashTable *count_names(const Environment *environment, const GPtrArray *lists) {
  GHashTable *counts = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < environment->hosts->len; i++)
    count(counts, ((const HostConfig *)environment->hosts->pdata[i])->name);
  for (guint i = 0; i < lists->len; i++) {
    const GPtrArray *list = lists->pdata[i];
    for (guint j = 0; j < list->len; j++) {
      const FoundHost *host = list->pdata[j];
      if (host->name != NULL)
        count(counts, host->name);
    }
  }
  return counts;
}

/* Borrowed. */
static const char *choose_name(const FoundHost *host, GHashTable *counts) {
  if (host->name != NULL && host_text_is_valid(HOST_TEXT_NAME, host->name) &&
      GPOINTER_TO_UINT(g_hash_table_lookup(counts, host->name)) == 1)
    return host->name;
  return host->id != NULL ? host->id : host->address;
}

/* ---- hosts -----------------------------------------------------------------------------------------------
 */

static HostConfig *make_host(const InventoryConfig *inventory, const FoundHost *found, const char *name) {
  HostConfig *host = host_config_copy(&inventory->host);
  host->name = g_strdup(name);
  host->address = g_strdup(found->address);
  host->id = g_strdup(found->id);
  if (found->user != NULL) {
    g_free(host->ssh.user);
    host->ssh.user = g_strdup(found->user);
  }
  if (found->port != 0)
    host->ssh.port = found->port;
  if (found->profiles != NULL) {
    g_clear_pointer(&host->profiles, g_ptr_array_unref);
    host->profiles = g_ptr_array_ref(found->profiles);
  }
  return host;
}

static gint compare_hosts(gconstpointer a, gconstpointer b) {
  const HostConfig *left = *(HostConfig *const *)a, *right = *(HostConfig *const *)b;
  int order = strcmp(left->name, right->name);
  return order != 0 ? order : g_strcmp0(left->id, right->id);
}

/* Sorted. Of HostConfig, owned by the caller one by one. */
static GPtrArray *make_hosts(const InventoryConfig *inventory, const GPtrArray *found, GHashTable *counts) {
  GPtrArray *hosts = g_ptr_array_new();
  for (guint i = 0; i < found->len; i++)
    g_ptr_array_add(hosts, make_host(inventory, found->pdata[i], choose_name(found->pdata[i], counts)));
  g_ptr_array_sort(hosts, compare_hosts);
  return hosts;
}

static void insert_hosts(Environment *environment, const GPtrArray *lists, GHashTable *counts) {
  guint before = 0;
  for (guint i = 0; i < lists->len; i++) {
    const InventoryConfig *inventory = environment->inventories->pdata[i];
    g_autoptr(GPtrArray) hosts = make_hosts(inventory, lists->pdata[i], counts);
    for (guint j = 0; j < hosts->len; j++)
      g_ptr_array_insert(environment->hosts, (gint)(inventory->position + before++), hosts->pdata[j]);
  }
}

/* ---- what is wrong with them ------------------------------------------------------------------------------
 */

/* What there may be once in an environment. */
typedef struct {
  GHashTable *names, *ids; /* borrowed */
  GHashTable *places;      /* owned, likewise -> a name */
} Taken;

/* Where a host is: the same address behind another bastion is another machine. Caller frees. */
static char *place_of(const SshSettings *ssh, const char *address, guint port) {
  g_autofree char *lower = g_ascii_strdown(address, -1);
  return g_strdup_printf("%s\n%u\n%s\n%s", lower, port != 0 ? port : DEFAULT_PORT,
                         ssh->proxy_jump != NULL ? ssh->proxy_jump : "",
                         ssh->proxy_command != NULL ? ssh->proxy_command : "");
}

static bool check_host(const InventoryConfig *inventory, const FoundHost *host, const char *name,
                       const Taken *taken, GError **error) {
  const SshSettings *ssh = &inventory->host.ssh;
  g_autofree char *user = NULL, *address = NULL;
  guint port = 0;
  if (!host_text_is_valid(HOST_TEXT_NAME, name) || !address_split(host->address, &user, &address, &port) ||
      user != NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s at \"%s\" is no host that slipway could connect to", name,
                host->address);
  if (host->id != NULL && !g_hash_table_add(taken->ids, host->id))
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s is found twice; an environment has a host once", host->id);
  if (!g_hash_table_add(taken->names, (gpointer)name))
    return fail(error, SLIPWAY_ERROR_UNREADY, "there are two hosts named %s; an environment has a host once",
                name);
  g_autofree char *place = place_of(ssh, host->address, host->port != 0 ? host->port : ssh->port);
  const char *other = g_hash_table_lookup(taken->places, place);
  if (other != NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s and %s are both at %s; an environment has a host once",
                other, name, host->address);
  g_hash_table_insert(taken->places, g_steal_pointer(&place), (gpointer)name);
  return true;
}

static void take_named(const Environment *environment, const Taken *taken) {
  for (guint i = 0; i < environment->hosts->len; i++) {
    HostConfig *host = environment->hosts->pdata[i];
    g_hash_table_add(taken->names, host->name);
    if (host->address != NULL)
      g_hash_table_insert(taken->places, place_of(&host->ssh, host->address, host->ssh.port), host->name);
  }
}

static bool check_hosts(const Environment *environment, const GPtrArray *lists, GHashTable *counts,
                        GError **error) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  const Taken taken = {names, ids, places};
  guint total = 0;
  take_named(environment, &taken);
  for (guint i = 0; i < lists->len; i++) {
    const GPtrArray *list = lists->pdata[i];
    total += list->len;
    for (guint j = 0; j < list->len; j++)
      if (!check_host(environment->inventories->pdata[i], list->pdata[j], choose_name(list->pdata[j], counts),
                      &taken, error))
        return false;
  }
  return total <= environment->max_hosts ||
         fail(error, SLIPWAY_ERROR_UNREADY,
              "its inventories found %u hosts, more than max_hosts: %u; if they are all meant, raise that",
              total, environment->max_hosts);
}

/* ---- asking ----------------------------------------------------------------------------------------------
 */

static bool ask(const Config *config, const InventoryConfig *inventory, GPtrArray *found, GError **error) {
  if (inventory->command->len > 0)
    return command_find_hosts(inventory, config->directory, found, error);
  return ec2_find_hosts(&inventory->ec2, found, error);
}

static bool ask_all(const Config *config, const Environment *environment, GPtrArray *lists, GError **error) {
  for (guint i = 0; i < environment->inventories->len; i++) {
    GPtrArray *found = found_hosts_new();
    g_ptr_array_add(lists, found);
    if (!ask(config, environment->inventories->pdata[i], found, error))
      return false;
  }
  return true;
}

bool inventory_resolve(const Config *config, Environment *environment, GError **error) {
  g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  if (!ask_all(config, environment, lists, error))
    return prefix(error, "%s: ", environment->name);
  g_autoptr(GHashTable) counts = count_names(environment, lists);
  if (!check_hosts(environment, lists, counts, error))
    return prefix(error, "%s: ", environment->name);
  insert_hosts(environment, lists, counts);
  g_ptr_array_set_size(environment->inventories, 0);
  return true;
}
