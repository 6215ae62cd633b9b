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
  return wish->host == NULL || environment_require_host(wish->environment, wish->host, error);
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

/* At most one problem waits: it is told once there is another host to go on with. */
static void tell(const HostWish *wish, GError **problem) {
  if (*problem != NULL && wish->on_problem != NULL)
    wish->on_problem((*problem)->message, wish->data);
  g_clear_error(problem);
}

/* *out stays NULL where the host cannot be asked and another may do; *missed says why. */
static bool open_next(const HostWish *wish, const HostConfig *config, OneHost **out, GError **missed,
                      GError **error) {
  g_autoptr(GError) problem = NULL;
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
  const bool is_open = open_one(wish, config, out, &problem);
  if (!is_open && (wish->host != NULL || !error_is(problem, SLIPWAY_ERROR_UNREADY))) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  tell(wish, missed);
  *missed = g_steal_pointer(&problem);
  return true;
}

static bool is_deployed_to(const OneHost *host) {
  return host->facts->current != NULL;
}

bool one_host_find(const HostWish *wish, OneHost **out, GError **error) {
  const GPtrArray *hosts = wish->environment->hosts;
  g_autoptr(GError) missed = NULL;
  g_autoptr(OneHost) otherwise =
      NULL; /* deployed to, without a container of it: of a profile that only tasks use */
  if (!check_name(wish, error))
    return false;
  for (guint i = 0; i < hosts->len; i++) {
    const HostConfig *config = g_ptr_array_index(hosts, i);
    g_autoptr(OneHost) host = NULL;
    if (!is_wished(wish, config))
      continue;
    if (!open_next(wish, config, &host, &missed, error))
      return false;
    if (host != NULL && host->container != NULL) {
      *out = g_steal_pointer(&host);
      return true;
    }
    if (host != NULL && otherwise == NULL && !wish->must_run && is_deployed_to(host))
      otherwise = g_steal_pointer(&host);
  }
  if (otherwise == NULL && missed == NULL)
    return fail_nowhere(wish, error);
  if (otherwise == NULL) {
    g_propagate_error(error, g_steal_pointer(&missed));
    return false;
  }
  tell(wish, &missed);
  *out = g_steal_pointer(&otherwise);
  return true;
}

bool one_host_find_all(const HostWish *wish, GPtrArray **out, GError **error) {
  const GPtrArray *hosts = wish->environment->hosts;
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)one_host_free);
  g_autoptr(GPtrArray) deployed = g_ptr_array_new_with_free_func((GDestroyNotify)one_host_free);
  if (!check_name(wish, error))
    return false;
  for (guint i = 0; i < hosts->len; i++) {
    const HostConfig *config = g_ptr_array_index(hosts, i);
    g_autoptr(OneHost) host = NULL;
    if (is_wished(wish, config) && !open_one(wish, config, &host, error))
      return false;
    if (host != NULL && host->container != NULL)
      g_ptr_array_add(found, g_steal_pointer(&host));
    else if (host != NULL && !wish->must_run && is_deployed_to(host))
      g_ptr_array_add(deployed, g_steal_pointer(&host));
  }
  if (found->len + deployed->len == 0)
    return fail_nowhere(wish, error);
  *out = found->len > 0 ? g_steal_pointer(&found) : g_steal_pointer(&deployed);
  return true;
}

bool one_host_fail_command(GError **error) {
  static const SlipwayErrorKind kinds[] = {SLIPWAY_ERROR_UNREADY, SLIPWAY_ERROR_DEPLOY};
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (error_is(*error, kinds[i]))
      return recast(error, SLIPWAY_ERROR_COMMAND);
  return false;
}
