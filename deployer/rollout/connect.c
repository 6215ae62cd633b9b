/* Phase `ready`, the hosts' half: connect, lock, look. */
#include "deployer/rollout/phases.h"
#include "support/errors.h"
#include "support/interrupt.h"

#include "support/poison.h"

enum { LOCK_RETRY_MS = 500 };

static bool require_engine(const HostFacts *facts, GError **error) {
  if (facts->engine_problem != NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s", facts->engine_problem);
  if (facts->compose == COMPOSE_NONE)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "no Docker Compose found: install the package docker-compose-plugin or docker-compose");
  return true;
}

/* Another try wants another connection: the one that was refused has given up its shell. */
static void wait_for_lock(Worker *worker, const GError *refusal, bool is_first) {
  if (is_first)
    reporter_note(worker->rollout->request->reporter, "%s: %s; waiting", worker->config->name,
                  refusal->message);
  host_free(worker->host);
  worker->host = host_new(worker->config);
  g_usleep(LOCK_RETRY_MS * 1000);
}

static bool open_and_lock(Worker *worker, GError **error) {
  HostPurpose purpose = {.place = worker->rollout->place, .holder = worker->rollout->holder};
  gint64 end = g_get_monotonic_time() + worker->rollout->request->wait_lock_ms * 1000;
  for (bool is_first = true;; is_first = false) {
    g_autoptr(GError) problem = NULL;
    if (host_open(worker->host, &purpose, &worker->facts, &problem))
      return true;
    if (!error_is(problem, SLIPWAY_ERROR_REFUSED) || g_get_monotonic_time() >= end || interrupt_requested()) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    wait_for_lock(worker, problem, is_first);
  }
}

static bool open_host(Worker *worker, char **detail, GError **error) {
  if (!open_and_lock(worker, error) || !require_engine(worker->facts, error) ||
      !engine_new(worker->host, &worker->engine, error))
    return false;
  *detail = g_strdup_printf("engine %s, Compose %s", engine_version(worker->engine),
                            worker->facts->compose == COMPOSE_V1 ? "v1" : "v2");
  return true;
}

static bool connect_worker(Worker *worker, GError **error) {
  return worker_step(worker, "connect", open_host, error);
}

/* Locking the same host first, whatever the order of the file, keeps two controllers from holding half of the
 * hosts each. */
static GPtrArray *first_by_name(GPtrArray *workers, GPtrArray **others) {
  Worker *first = g_ptr_array_index(workers, 0);
  for (guint i = 1; i < workers->len; i++) {
    Worker *worker = g_ptr_array_index(workers, i);
    if (g_strcmp0(worker->config->name, first->config->name) < 0)
      first = worker;
  }
  GPtrArray *alone = g_ptr_array_new();
  g_ptr_array_add(alone, first);
  *others = g_ptr_array_new();
  for (guint i = 0; i < workers->len; i++)
    if (g_ptr_array_index(workers, i) != first)
      g_ptr_array_add(*others, g_ptr_array_index(workers, i));
  return alone;
}

bool phase_connect(Rollout *rollout, const char *holder, GError **error) {
  rollout->holder = holder;
  if (holder == NULL)
    return crew_run_all(rollout, connect_worker, error);
  g_autoptr(GPtrArray) others = NULL;
  g_autoptr(GPtrArray) first = first_by_name(rollout->workers, &others);
  return crew_run(first, connect_worker, error) && crew_run(others, connect_worker, error);
}
