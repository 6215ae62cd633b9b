/* Compose profiles per host. The release folder says which it was deployed with (its file `profiles`), so
 * that putting it back gives what ran; a rollback writes one anew, from today's inventory. */
#include "deployer/rollout/services.h"

#include "deployer/output/words.h"
#include "deployer/rollout/runs.h"
#include "environments/hosts/host_compose.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { HASH_TIMEOUT_MS = 120000 };

static GHashTable *new_set(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static GHashTable *services_of_target(const Worker *worker) {
  GHashTable *set = new_set();
  const GPtrArray *services = worker->rollout->target->project->services;
  for (guint i = 0; i < services->len; i++) {
    const ComposeService *service = services->pdata[i];
    if (compose_service_runs(service, worker->config->profiles))
      g_hash_table_add(set, g_strdup(service->name));
  }
  return set;
}

static GHashTable *services_of_manifest(const char *manifest) {
  g_autoptr(cJSON) json = manifest != NULL ? cJSON_Parse(manifest) : NULL;
  const cJSON *names = json_array(json, "services"), *name = NULL;
  if (names == NULL)
    return NULL;
  GHashTable *set = new_set();
  cJSON_ArrayForEach(name, names) {
    if (cJSON_IsString(name))
      g_hash_table_add(set, g_strdup(name->valuestring));
  }
  return set;
}

GHashTable *worker_services(const Worker *worker, const char *uid) {
  const Rollout *rollout = worker->rollout;
  if (rollout->target != NULL && g_strcmp0(uid, rollout->deployment->uid) == 0)
    return services_of_target(worker);
  return g_strcmp0(uid, worker->facts->current) == 0 ? services_of_manifest(worker->facts->manifest) : NULL;
}

static bool has_profiles(const ComposeProject *project) {
  for (guint i = 0; i < project->services->len; i++)
    if (((const ComposeService *)project->services->pdata[i])->profiles->len > 0)
      return true;
  return false;
}

/* "worker, debug" */
static char *profiles_of(const ComposeProject *project) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) profiles = g_ptr_array_new();
  for (guint i = 0; i < project->services->len; i++) {
    const ComposeService *service = project->services->pdata[i];
    for (guint j = 0; j < service->profiles->len; j++)
      if (g_hash_table_add(seen, service->profiles->pdata[j]))
        g_ptr_array_add(profiles, service->profiles->pdata[j]);
  }
  return words_joined(profiles);
}

static bool is_of_some_service(const ComposeProject *project, const char *profile) {
  for (guint i = 0; i < project->services->len; i++) {
    const ComposeService *service = project->services->pdata[i];
    if (g_ptr_array_find_with_equal_func(service->profiles, profile, g_str_equal, NULL))
      return true;
  }
  return false;
}

/* Compose says nothing of them. */
static void warn_of_unknown_profiles(const Worker *worker, const ComposeProject *project) {
  const GPtrArray *profiles = worker->config->profiles;
  for (guint i = 0; profiles != NULL && i < profiles->len; i++)
    if (!is_of_some_service(project, profiles->pdata[i]))
      reporter_warn(worker->rollout->request->reporter, "%s has the profile %s, and no service has it",
                    worker->config->name, (const char *)profiles->pdata[i]);
}

bool require_runnable(const Rollout *rollout, GError **error) {
  const ComposeProject *project = rollout->target->project;
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  g_autoptr(GPtrArray) old = g_ptr_array_new();
  g_autoptr(GPtrArray) idle = g_ptr_array_new();
  for (guint i = 0; i < active->len; i++) {
    const Worker *worker = active->pdata[i];
    g_autoptr(GHashTable) services = services_of_target(worker);
    warn_of_unknown_profiles(worker, project);
    if (project->has_include && worker->facts->compose == COMPOSE_V1)
      g_ptr_array_add(old, worker->config->name);
    if (g_hash_table_size(services) == 0)
      g_ptr_array_add(idle, worker->config->name);
  }
  g_autofree char *old_hosts = words_joined(old);
  g_autofree char *idle_hosts = words_joined(idle);
  g_autofree char *profiles = profiles_of(project);
  if (old->len > 0)
    return fail(
        error, SLIPWAY_ERROR_UNREADY,
        "%s: Compose 1.29 does not know include; install Compose 2.20 or newer (docker-compose-plugin), "
        "or list the included files under `compose:` in slipway.yml; nothing was touched",
        old_hosts);
  return idle->len == 0 ||
         fail(
             error, SLIPWAY_ERROR_UNREADY,
             "%s: no service would run there: each has profiles (%s), and the host has none of them; nothing "
             "was touched",
             idle_hosts, profiles);
}

/* v1's `config` prints all services, whatever the profiles; only `hash` goes by them, and sees what a service
 * depends on. */
static bool ask_v1(Worker *worker, GHashTable **found, GError **error) {
  g_auto(HostReply) reply = {0};
  if (!worker_compose(worker, worker->facts->folder, worker->rollout->deployment->uid, "hash",
                      HASH_TIMEOUT_MS, &reply, error))
    return false;
  if (reply.status != 0)
    return host_compose_refuses(&reply, error);
  *found = compose_hashes(reply.out->str);
  return true;
}

bool worker_check_services(Worker *worker, const HostReply *effective, GError **error) {
  const Target *target = worker->rollout->target;
  g_autoptr(GHashTable) runs = services_of_target(worker);
  g_autoptr(GHashTable) found = NULL;
  bool is_v1 = worker->facts->compose == COMPOSE_V1;
  if (!compose_check_effective(effective->out->str, effective->out->len, target->pinned, is_v1 ? NULL : runs,
                               error))
    return false;
  return !is_v1 || !has_profiles(target->project) ||
         (ask_v1(worker, &found, error) && compose_check_services(found, runs, error));
}

bool worker_remove_strays(Worker *worker, const char *uid, const GPtrArray *containers, GError **error) {
  g_autoptr(GHashTable) services = worker_services(worker, uid);
  for (guint i = 0; services != NULL && i < containers->len; i++) {
    const EngineContainer *container = containers->pdata[i];
    if (g_hash_table_contains(services, container->service))
      continue;
    worker->is_touched = true;
    if (!engine_end_container(worker->engine, container->id, error))
      return false;
  }
  return true;
}
