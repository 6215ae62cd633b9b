/* Finding the host where a service is. */
#include "deployer/rollout/one_host.h"

#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/kept_secrets.h"
#include "support/errors.h"
#include "support/interrupt.h"

#include "support/poison.h"

void one_host_free(OneHost *host) {
  if (host == NULL)
    return;
  engine_free(host->engine);
  host_facts_free(host->facts);
  host_free(host->host);
  g_free(host->place);
  g_free(host->container);
  g_free(host);
}

static bool find_container(OneHost *host, const HostWish *wish, GError **error) {
  g_autoptr(GPtrArray) containers = NULL;
  if (!engine_list_containers(host->engine, host->place, &containers, error))
    return false;
  for (guint i = 0; i < containers->len && host->container == NULL; i++) {
    const EngineContainer *container = g_ptr_array_index(containers, i);
    if (g_str_equal(container->service, wish->service) &&
        (!wish->must_run || g_str_equal(container->state, "running")))
      host->container = g_strdup(container->id);
  }
  return true;
}

static bool open_one(const HostWish *wish, const HostConfig *config, OneHost **out, GError **error) {
  g_autoptr(OneHost) host = g_new0(OneHost, 1);
  host->config = config;
  host->host = host_new(config);
  host->place = environment_place(wish->config, wish->environment);
  const HostPurpose purpose = {.place = host->place};
  if (!host_open(host->host, &purpose, &host->facts, error))
    return prefix(error, "%s: ", config->name);
  if (host->facts->engine_problem != NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: %s", config->name, host->facts->engine_problem);
  Worker worker = {.config = config, .host = host->host, .facts = host->facts};
  if (!engine_new(host->host, &host->engine, error) || !find_container(host, wish, error) ||
      !worker_learn_secrets(&worker, error))
    return prefix(error, "%s: ", config->name);
  *out = g_steal_pointer(&host);
  return true;
}

static bool check_name(const HostWish *wish, GError **error) {
  const GPtrArray *hosts = wish->environment->hosts;
  for (guint i = 0; wish->host != NULL && i < hosts->len; i++)
    if (g_str_equal(((const HostConfig *)g_ptr_array_index(hosts, i))->name, wish->host))
      return true;
  return wish->host == NULL || fail(error, SLIPWAY_ERROR_USAGE, "--host %s: %s has no such host", wish->host,
                                    wish->environment->name);
}

static bool is_wished(const HostWish *wish, const HostConfig *config) {
  return wish->host == NULL || g_str_equal(wish->host, config->name);
}

static bool fail_nowhere(const HostWish *wish, GError **error) {
  const char *environment = wish->environment->name;
  const char *running = wish->must_run ? "running " : "";
  if (wish->host != NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: there is no %scontainer of %s", wish->host, running,
                wish->service);
  return fail(error, SLIPWAY_ERROR_UNREADY,
              "%s: no host has a %scontainer of %s; see: slipway status %s --live", environment, running,
              wish->service, environment);
}

bool one_host_find(const HostWish *wish, OneHost **out, GError **error) {
  const GPtrArray *hosts = wish->environment->hosts;
  g_autoptr(OneHost) otherwise =
      NULL; /* deployed to, without a container of it: of a profile that only tasks use */
  if (!check_name(wish, error))
    return false;
  for (guint i = 0; i < hosts->len; i++) {
    const HostConfig *config = g_ptr_array_index(hosts, i);
    g_autoptr(OneHost) host = NULL;
    if (!is_wished(wish, config))
      continue;
    if (interrupt_requested())
      return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
    if (!open_one(wish, config, &host, error))
      return false;
    if (host->container != NULL) {
      *out = g_steal_pointer(&host);
      return true;
    }
    if (otherwise == NULL && !wish->must_run && host->facts->current != NULL)
      otherwise = g_steal_pointer(&host);
  }
  if (otherwise == NULL)
    return fail_nowhere(wish, error);
  *out = g_steal_pointer(&otherwise);
  return true;
}

bool one_host_find_all(const HostWish *wish, GPtrArray **out, GError **error) {
  const GPtrArray *hosts = wish->environment->hosts;
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)one_host_free);
  if (!check_name(wish, error))
    return false;
  for (guint i = 0; i < hosts->len; i++) {
    const HostConfig *config = g_ptr_array_index(hosts, i);
    g_autoptr(OneHost) host = NULL;
    if (is_wished(wish, config) && !open_one(wish, config, &host, error))
      return false;
    if (host != NULL && host->container != NULL)
      g_ptr_array_add(found, g_steal_pointer(&host));
  }
  if (found->len == 0)
    return fail_nowhere(wish, error);
  *out = g_steal_pointer(&found);
  return true;
}
