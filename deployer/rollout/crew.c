/* The pool that hosts are worked on by, and what every step on a host has in common. */
#include "deployer/rollout/crew.h"

#include "deployer/rollout/room.h"
#include "host_scripts.h"
#include "support/errors.h"

#include "support/poison.h"

static void worker_free(Worker *worker) {
  health_watch_free(worker->watch);
  engine_free(worker->engine);
  host_facts_free(worker->facts);
  host_free(worker->host);
  g_clear_error(&worker->error);
  g_free(worker);
}

Rollout *rollout_new(const RolloutRequest *request, const Situation *situation, Target *target,
                     Deployment *deployment) {
  Rollout *rollout = g_new0(Rollout, 1);
  rollout->request = request;
  rollout->situation = situation;
  rollout->target = target;
  rollout->deployment = deployment;
  rollout->place = g_strdup_printf("%s--%s", request->config->app, request->environment->name);
  rollout->manifests = manifests_new(request->config->insecure_registries);
  rollout->workers = g_ptr_array_new_with_free_func((GDestroyNotify)worker_free);
  const GPtrArray *hosts = request->environment->hosts;
  for (guint i = 0; i < hosts->len; i++) {
    Worker *worker = g_new0(Worker, 1);
    worker->rollout = rollout;
    worker->config = g_ptr_array_index(hosts, i);
    worker->record = g_ptr_array_index(deployment->hosts, i);
    worker->host = host_new(worker->config);
    g_ptr_array_add(rollout->workers, worker);
  }
  return rollout;
}

void rollout_free(Rollout *rollout) {
  if (rollout == NULL)
    return;
  g_ptr_array_unref(rollout->workers);
  g_clear_pointer(&rollout->restore_settings, config_free);
  manifests_free(rollout->manifests);
  g_free(rollout->place);
  g_free(rollout);
}

static void run_one(gpointer data, gpointer task) {
  Worker *worker = data;
  GError *problem = NULL;
  if (!((WorkerTask)task)(worker, &problem))
    worker->error = problem;
}

static bool report_failures(GPtrArray *workers, GError **error) {
  const Worker *first = NULL;
  guint failures = 0;
  for (guint i = 0; i < workers->len; i++) {
    const Worker *worker = g_ptr_array_index(workers, i);
    if (worker->error == NULL)
      continue;
    first = first == NULL ? worker : first;
    failures++;
  }
  if (first == NULL)
    return true;
  if (error != NULL) {
    *error = g_error_copy(first->error);
    prefix(error, "%s: ", first->config->name);
    if (failures > 1) {
      g_autofree char *message =
          g_strdup_printf("%s\n(%u of %u hosts failed)", (*error)->message, failures, workers->len);
      g_free((*error)->message);
      (*error)->message = g_steal_pointer(&message);
    }
  }
  return false;
}

bool crew_run(GPtrArray *workers, WorkerTask task, GError **error) {
  for (guint i = 0; i < workers->len; i++)
    g_clear_error(&((Worker *)g_ptr_array_index(workers, i))->error);
  GThreadPool *pool = g_thread_pool_new(run_one, (gpointer)task, CREW_THREADS, FALSE, NULL);
  for (guint i = 0; i < workers->len; i++)
    g_thread_pool_push(pool, g_ptr_array_index(workers, i), NULL);
  g_thread_pool_free(pool, FALSE, TRUE);
  return report_failures(workers, error);
}

bool crew_run_all(Rollout *rollout, WorkerTask task, GError **error) {
  return crew_run(rollout->workers, task, error);
}

bool worker_step(Worker *worker, const char *name, WorkerStep run, GError **error) {
  const RolloutRequest *request = worker->rollout->request;
  const Deployment *deployment = worker->rollout->deployment;
  bool is_recorded = deployment->id > 0;
  gint64 started = g_get_monotonic_time();
  gint64 id = 0;
  reporter_step_begin(request->reporter, worker->config->name, name);
  if (is_recorded &&
      !history_begin_step(request->history, deployment->id, worker->config->name, name, &id, error))
    return false;
  g_autofree char *detail = NULL;
  g_autoptr(GError) problem = NULL;
  bool ok = run(worker, &detail, &problem);
  const char *said = ok ? detail : problem->message;
  reporter_step_end(request->reporter, worker->config->name, name, ok, said,
                    (g_get_monotonic_time() - started) / 1000);
  if (!ok) {
    g_propagate_error(error, g_steal_pointer(&problem));
    if (is_recorded && !history_finish_step(request->history, id, "failed", said, NULL))
      reporter_warn(request->reporter, "%s: the failure of %s could not be recorded", worker->config->name,
                    name);
    return false;
  }
  return !is_recorded || history_finish_step(request->history, id, "ok", said, error);
}

bool worker_record(Worker *worker, HostStatus status, const char *runs, const char *problem, GError **error) {
  DeploymentHost *record = worker->record;
  record->status = status;
  g_free(record->runs);
  record->runs = g_strdup(runs);
  g_free(record->error);
  record->error = g_strdup(problem);
  return history_set_host(worker->rollout->request->history, worker->rollout->deployment->id, record, error);
}

bool worker_compose(Worker *worker, const char *folder, const char *uid, const char *action, guint timeout_ms,
                    HostReply *reply, GError **error) {
  const char *kind = worker->facts->compose == COMPOSE_V1 ? "v1" : "v2";
  const char *argv[] = {folder, uid, worker->rollout->place, kind, worker->facts->engine_socket,
                        action, NULL};
  HostScript script = {.text = host_script_compose, .argv = argv, .timeout_ms = timeout_ms};
  return host_shell(worker->host, &script, reply, error);
}
