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

/* The next try makes another connection. */
static void renew_host(Worker *worker) {
  Host *old = worker->host;
  g_clear_pointer(&worker->engine, engine_free);
  g_mutex_lock(&worker->rollout->exchange);
  worker->host = host_new(worker->config);
  g_mutex_unlock(&worker->rollout->exchange);
  host_free(old);
}

/* A connection that was refused has given up its shell. */
static void wait_for_lock(Worker *worker, const GError *refusal, bool is_first) {
  if (is_first)
    reporter_note(worker->rollout->request->reporter, "%s: %s; waiting", worker->config->name,
                  refusal->message);
  g_atomic_int_set(&worker->rollout->has_waited, 1);
  renew_host(worker);
  g_usleep(LOCK_RETRY_MS * 1000);
}

/* The engine is asked while the host opens, where that is possible; a failure shows with what comes next. */
static void begin_engine(Worker *worker) {
  if (worker->host->is_reached && !engine_begin(worker->host, &worker->engine, NULL))
    worker->engine = NULL;
}

static bool open_and_lock(Worker *worker, GError **error) {
  bool may_come_free = false;
  HostPurpose purpose = {
      .place = worker->rollout->place, .holder = worker->rollout->holder, .may_come_free = &may_come_free};
  gint64 end = g_get_monotonic_time() + worker->rollout->request->wait_lock_ms * 1000;
  for (bool is_first = true;; is_first = false) {
    g_autoptr(GError) problem = NULL;
    begin_engine(worker);
    if (host_open(worker->host, &purpose, &worker->facts, &problem))
      return true;
    if (!may_come_free || g_get_monotonic_time() >= end || interrupt_requested()) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    wait_for_lock(worker, problem, is_first);
    if (interrupt_requested()) /* what was aborted is the host of before */
      return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
  }
}

static bool open_host(Worker *worker, GError **error) {
  if (!open_and_lock(worker, error))
    return false;
  if (worker->host->note != NULL)
    reporter_note(worker->rollout->request->reporter, "%s: %s", worker->config->name, worker->host->note);
  return require_engine(worker->facts, error);
}

/* Once it is open. */
static bool meet_engine(Worker *worker, char **detail, GError **error) {
  if (!(worker->engine != NULL ? engine_finish(worker->engine, error)
                               : engine_new(worker->host, &worker->engine, error)))
    return false;
  if (worker->facts->clock_offset != 0)
    engine_know_clock(worker->engine, worker->facts->clock_offset);
  *detail = g_strdup_printf("engine %s, Compose %s", engine_version(worker->engine),
                            worker->facts->compose == COMPOSE_V1 ? "v1" : "v2");
  return true;
}

/* The step begins here and ends with meet_worker, or a failure. */
static bool reach_worker(Worker *worker, GError **error) {
  GError *problem = NULL;
  if (!worker_step_begin(worker, "connect", error))
    return false;
  return host_connect(worker->host, &problem) || worker_step_end(worker, NULL, problem, error);
}

/* Goes on with the step; a failure ends it. */
static bool open_worker(Worker *worker, GError **error) {
  GError *problem = NULL;
  if (g_atomic_int_get(&worker->rollout->has_waited) != 0)
    renew_host(worker);
  /* What was aborted may be the host of before. */
  if (interrupt_requested() ? fail(&problem, SLIPWAY_ERROR_INTERRUPTED, "interrupted")
                            : open_host(worker, &problem))
    return true;
  g_clear_pointer(&worker->engine, engine_free);
  return worker_step_end(worker, NULL, problem, error);
}

/* Ends it. */
static bool meet_worker(Worker *worker, GError **error) {
  g_autofree char *detail = NULL;
  GError *problem = NULL;
  if (!meet_engine(worker, &detail, &problem))
    g_clear_pointer(&worker->engine, engine_free);
  return worker_step_end(worker, detail, problem, error);
}

static bool connect_worker(Worker *worker, GError **error) {
  return reach_worker(worker, error) && open_worker(worker, error) && meet_worker(worker, error);
}

/* All but the first; that one only has its engine's answer to hear. */
static bool finish_worker(Worker *worker, GError **error) {
  return (worker->facts != NULL || open_worker(worker, error)) && meet_worker(worker, error);
}

/* ---- hosts that are left out -----------------------------------------------------------------------------
 */

/* What slipway last left on the host, or NULL: not known. A replaced machine may have the name of the old
 * one. Borrowed. */
static const DeploymentHost *last_word_on(const Worker *worker) {
  const Situation *situation = worker->rollout->situation;
  const Deployment *last = situation != NULL ? situation->state->last : NULL;
  for (guint i = 0; last != NULL && i < last->hosts->len; i++) {
    const DeploymentHost *host = g_ptr_array_index(last->hosts, i);
    if (g_str_equal(host->name, worker->config->name) &&
        g_strcmp0(host->address, worker->config->address) == 0)
      return host;
  }
  return NULL;
}

static bool record_skipped(Worker *worker, HostStatus status, const char *why, GError **error) {
  const DeploymentHost *last = last_word_on(worker);
  worker->is_skipped = true;
  return worker_record(worker, status, last != NULL ? last->runs : NULL, why, error);
}

/* A host that cannot be talked to; one that somebody else holds is another matter. */
static bool can_do_without(const Worker *worker) {
  const RolloutRequest *request = worker->rollout->request;
  return !interrupt_requested() &&
         (request->skip_unreachable || !request_takes_host(request, worker->config)) &&
         error_is(worker->error, SLIPWAY_ERROR_UNREADY);
}

static bool skip_unreachable(GPtrArray *workers, GError **error) {
  for (guint i = 0; i < workers->len; i++) {
    Worker *worker = g_ptr_array_index(workers, i);
    if (worker->error == NULL || !can_do_without(worker))
      continue;
    reporter_warn(worker->rollout->request->reporter, "%s is skipped: %s", worker->config->name,
                  worker->error->message);
    g_clear_pointer(&worker->engine, engine_free);
    g_clear_pointer(&worker->facts, host_facts_free);
    if (!record_skipped(worker, HOST_SKIPPED, worker->error->message, error))
      return false;
    g_clear_error(&worker->error);
  }
  return true;
}

/* What the host runs is what is to be deployed: then it is left out, and lacks nothing. */
static bool runs_the_same(const Worker *worker) {
  const Rollout *rollout = worker->rollout;
  const DeploymentHost *last = last_word_on(worker);
  if (last != NULL &&
      last->status == HOST_FAILED) /* its containers may be right, and the host out all the same */
    return false;
  const Deployment *runs = last != NULL && last->runs != NULL
                               ? environment_deployment_of_uid(rollout->situation->state, last->runs)
                               : NULL;
  return runs != NULL && g_strcmp0(runs->content, rollout->deployment->content) == 0;
}

bool skip_unchosen(Rollout *rollout, GError **error) {
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (worker->is_skipped || request_takes_host(worker->rollout->request, worker->config))
      continue;
    bool lacks_nothing = runs_the_same(worker);
    if (!situation_check(rollout->situation, error) ||
        !record_skipped(worker, lacks_nothing ? HOST_UNCHANGED : HOST_SKIPPED,
                        lacks_nothing ? NULL : "not chosen (--host)", error))
      return false;
  }
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  return active->len > 0 || fail(error, SLIPWAY_ERROR_UNREADY, "none of the chosen hosts can be reached");
}

/* ---- locks -----------------------------------------------------------------------------------------------
 */

static gint compare_by_name(gconstpointer a, gconstpointer b) {
  const Worker *left = *(Worker *const *)a, *right = *(Worker *const *)b;
  return g_strcmp0(left->config->name, right->config->name);
}

/* All at once, before any is locked. *reached: without those that are skipped. */
static bool reach_all(GPtrArray *by_name, GPtrArray **reached, GError **error) {
  if (!crew_run(by_name, reach_worker, NULL) &&
      !(skip_unreachable(by_name, error) && crew_succeeded(by_name, error)))
    return false;
  *reached = g_ptr_array_new();
  for (guint i = 0; i < by_name->len; i++)
    if (!((const Worker *)g_ptr_array_index(by_name, i))->is_skipped)
      g_ptr_array_add(*reached, g_ptr_array_index(by_name, i));
  return true;
}

/* Locking the same host first, whatever the order of the file, keeps two controllers from holding half of the
 * hosts each. Those before it are skipped. */
static bool lock_the_first(GPtrArray *by_name, GError **error) {
  bool is_locked = false;
  for (guint i = 0; i < by_name->len && !is_locked; i++) {
    g_autoptr(GPtrArray) alone = g_ptr_array_new();
    g_ptr_array_add(alone, g_ptr_array_index(by_name, i));
    is_locked = crew_run(alone, open_worker, NULL);
    if (!skip_unreachable(alone, error) || !crew_succeeded(alone, error))
      return false;
  }
  return true;
}

static bool finish_all(GPtrArray *by_name, GError **error) {
  g_autoptr(GPtrArray) others = g_ptr_array_new();
  for (guint i = 0; i < by_name->len; i++)
    if (!((const Worker *)g_ptr_array_index(by_name, i))->is_skipped)
      g_ptr_array_add(others, g_ptr_array_index(by_name, i));
  return crew_run(others, finish_worker, NULL) ||
         (skip_unreachable(others, error) && crew_succeeded(others, error));
}

/* Where the lock of another was not to be had. */
static void end_steps(const GPtrArray *workers) {
  for (guint i = 0; i < workers->len; i++) {
    Worker *worker = g_ptr_array_index(workers, i);
    g_autoptr(GError) ignored = NULL; /* there is a failure already */
    if (worker->step_name != NULL && !worker_step_end(worker, "not locked", NULL, &ignored))
      continue;
  }
}

/* Two that cannot see each other's hosts must not both go on. */
static bool require_majority(const Rollout *rollout, GError **error) {
  g_autoptr(GPtrArray) locked = rollout_active(rollout);
  guint hosts = rollout->workers->len;
  if (locked->len == 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "none of the %u hosts can be reached", hosts);
  if (locked->len * 2 > hosts || rollout->request->force)
    return true;
  return fail(
      error, SLIPWAY_ERROR_REFUSED,
      "only %u of %u hosts could be reached and locked, and another slipway may be at work on the others; "
      "when you know that none is: --force --reason TEXT",
      locked->len, hosts);
}

bool phase_connect(Rollout *rollout, const char *holder, GError **error) {
  rollout->holder = holder;
  if (holder == NULL)
    return crew_run_all(rollout, connect_worker, error);
  g_autoptr(GPtrArray) by_name = rollout_active(rollout);
  g_autoptr(GPtrArray) reached = NULL;
  g_ptr_array_sort(by_name, compare_by_name);
  if (reach_all(by_name, &reached, error) && lock_the_first(reached, error) && finish_all(reached, error) &&
      require_majority(rollout, error))
    return true;
  end_steps(by_name);
  return interrupt_requested() ? recast(error, SLIPWAY_ERROR_INTERRUPTED) : false;
}
