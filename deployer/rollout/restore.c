/* Phase `restore`: each host that has strayed back to its `current`, without a registry, in parallel; one
 * that its tasks have only taken out is put in again. Nothing cuts it short. */
#include <string.h>

#include "deployer/rollout/host_tasks.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/runs.h"
#include "deployer/rollout/snapshot.h"
#include "host_scripts.h"
#include "support/errors.h"

#include "support/poison.h"

enum { DOWN_TIMEOUT_MS = 300000 };

static bool take_down(Worker *worker, GError **error) {
  g_auto(HostReply) reply = {0};
  if (!worker_compose(worker, worker->facts->folder, worker->rollout->deployment->uid, "down",
                      DOWN_TIMEOUT_MS, &reply, error))
    return false;
  return reply.status == 0 || fail(error, SLIPWAY_ERROR_BROKEN, "compose down failed: %s", reply.err->str);
}

static bool step_restore(Worker *worker, char **detail, GError **error) {
  const Rollout *rollout = worker->rollout;
  const char *current = worker->facts->current;
  const HealthConfig *health =
      rollout->restore_health != NULL ? rollout->restore_health : &rollout->request->environment->health;
  bool is_back =
      current != NULL ? worker_converge(worker, current, health, false, error) : take_down(worker, error);
  if (!is_back || !worker_note(worker, host_script_journal, "restored", error))
    return false;
  *detail = g_strdup(current != NULL ? "runs again what it ran before" : "nothing runs, as before");
  return true;
}

/* The history may be what broke: hosts go back all the same, the record then says less. */
static void record_result(Worker *worker, HostStatus status, const GError *problem) {
  const char *current = worker->facts->current != NULL ? worker->facts->current : "";
  const char *runs = status == HOST_UNKNOWN ? NULL : current;
  g_autofree char *why = g_strdup(problem != NULL ? problem->message : worker->record->error);
  g_autoptr(GError) ignored = NULL;
  if (!worker_record(worker, status, runs, why, &ignored))
    reporter_warn(worker->rollout->request->reporter, "%s: %s", worker->config->name, ignored->message);
  reporter_host_done(worker->rollout->request->reporter, worker->config->name, problem == NULL,
                     problem == NULL ? "restored" : "NOT restored");
}

/* Going back matters more than how. */
static void take_out(Worker *worker) {
  g_autoptr(GError) problem = NULL;
  if (!worker_take_out(worker, &problem))
    reporter_warn(worker->rollout->request->reporter, "%s: %s\nit goes back all the same",
                  worker->config->name, problem->message);
}

/* A host that runs nothing, as before, stays out. */
static bool put_in(Worker *worker, GError **error) {
  return worker->facts->current == NULL || worker_put_in(worker, error) ||
         prefix(error, "it runs what it ran before, but may be out of the load balancer: ");
}

static bool restore_strayed(Worker *worker, GError **error) {
  GError *problem = NULL;
  take_out(worker);
  bool is_back = worker_step(worker, "restore", step_restore, &problem);
  bool is_in = is_back && put_in(worker, &problem);
  record_result(worker, is_in ? HOST_RESTORED : is_back ? HOST_FAILED : HOST_UNKNOWN, problem);
  if (!is_in)
    g_propagate_error(error, problem);
  return is_in;
}

/* One whose containers never changed may still be out. */
static bool restore_worker(Worker *worker, GError **error) {
  return worker_has_strayed(worker) ? restore_strayed(worker, error) : put_in(worker, error);
}

/* The health rules of what comes back are those it was deployed with. */
static void find_rules(Rollout *rollout) {
  const Deployment *current = environment_current(rollout->situation->state);
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GHashTable) pinned = NULL;
  if (current == NULL ||
      !snapshot_read(rollout->request->history, current, &project, &pinned, &rollout->restore_settings, NULL))
    return;
  Environment *then = config_find_environment(rollout->restore_settings, rollout->request->environment->name);
  rollout->restore_health = then != NULL ? &then->health : NULL;
}

static bool has_containers(Worker *worker) {
  g_autoptr(GPtrArray) containers = NULL;
  return !engine_list_containers(worker->engine, worker->rollout->place, &containers, NULL) ||
         containers->len > 0;
}

bool worker_has_strayed(Worker *worker) {
  const char *current = worker->facts != NULL ? worker->facts->current : NULL;
  bool runs_current = false;
  if (worker->is_skipped || worker->is_touched)
    return worker->is_touched;
  if (!environment_is_unsettled(worker->rollout->situation->state) || worker->engine == NULL)
    return false;
  if (current == NULL)
    return has_containers(worker);
  return !worker_runs_release(worker, current, &runs_current, NULL) || !runs_current;
}

bool phase_restore(Rollout *rollout, GError **error) {
  g_autoptr(GPtrArray) strayed = g_ptr_array_new();
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (worker->is_out || worker_has_strayed(worker))
      g_ptr_array_add(strayed, worker);
  }
  find_rules(rollout);
  return crew_run(strayed, restore_worker, error);
}
