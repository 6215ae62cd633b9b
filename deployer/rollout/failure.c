/* What the failure of a phase makes of the deployment: the hosts go back where that is possible, and it is
 * said what each of them runs. */
#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/runs.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/text.h"

#include "support/poison.h"

static void keep_problem(const Worker *worker) {
  if (worker->record->error == NULL && worker->error != NULL)
    worker->record->error = g_strdup(worker->error->message);
}

/* What a host runs that nothing was done to: its `current`, unless an earlier deployment was cut short; then
 * the host is asked. NULL: not known. Caller frees. */
static char *untouched_runs(Worker *worker) {
  const EnvironmentState *state = worker->rollout->situation->state;
  if (worker->facts == NULL || (worker->engine == NULL && environment_is_unsettled(state)))
    return NULL;
  if (!worker_has_strayed(worker))
    return g_strdup(worker->facts->current != NULL ? worker->facts->current : "");
  bool runs = false;
  if (state->last != NULL && worker->engine != NULL &&
      worker_runs_release(worker, state->last->uid, &runs, NULL) && runs)
    return g_strdup(state->last->uid);
  return NULL;
}

/* After a failure: a touched host says for itself, or is not known. */
static void settle_record(Worker *worker) {
  DeploymentHost *record = worker->record;
  if (worker->is_skipped)
    return;
  keep_problem(worker);
  if (worker->is_touched) {
    record->status = record->status == HOST_PENDING ? HOST_UNKNOWN : record->status;
    return;
  }
  g_free(record->runs);
  record->runs = untouched_runs(worker);
  record->status = record->error != NULL ? HOST_FAILED : HOST_UNCHANGED;
}

static void settle_records(const Rollout *rollout) {
  for (guint i = 0; i < rollout->workers->len; i++)
    settle_record(g_ptr_array_index(rollout->workers, i));
}

/* Every host is known to run its `current`. Not so where an earlier deployment was cut short; and if that was
 * in the middle of its commit, some have the new one as their `current`, and going back has mixed them. */
static bool are_all_as_before(const Rollout *rollout) {
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  const bool may_differ = !environment_is_unsettled(rollout->situation->state);
  const char *first = NULL;
  for (guint i = 0; i < active->len; i++) {
    const Worker *worker = g_ptr_array_index(active, i);
    const char *current = worker->facts != NULL ? worker->facts->current : NULL;
    const char *runs = worker->record->runs;
    first = i == 0 ? runs : first;
    if (g_strcmp0(runs, current != NULL ? current : "") != 0 || (!may_differ && g_strcmp0(runs, first) != 0))
      return false;
  }
  return true;
}

bool rollout_has_touched(const Rollout *rollout) {
  for (guint i = 0; i < rollout->workers->len; i++)
    if (((const Worker *)g_ptr_array_index(rollout->workers, i))->is_touched)
      return true;
  return false;
}

static bool is_any_skipped(const Rollout *rollout) {
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  return active->len < rollout->workers->len;
}

/* *duration: of going back, in words. Caller frees. */
static bool put_back(Rollout *rollout, char **duration, GError **error) {
  gint64 started = g_get_monotonic_time();
  rollout->stage = STAGE_RESTORING;
  reporter_phase(rollout->request->reporter, "restore");
  reporter_warn(rollout->request->reporter, "putting the hosts back"); /* the step has said why */
  bool is_restored = phase_restore(rollout, error);
  *duration = duration_for_people((g_get_monotonic_time() - started) / 1000);
  return is_restored;
}

static SlipwayErrorKind kind_after_restore(const GError *cause) {
  if (error_is(cause, SLIPWAY_ERROR_INTERRUPTED))
    return SLIPWAY_ERROR_INTERRUPTED;
  return error_is(cause, SLIPWAY_ERROR_STORE) ? SLIPWAY_ERROR_STORE : SLIPWAY_ERROR_DEPLOY;
}

/* The cause comes first, then where that leaves the hosts. */
static bool fail_after_changes(Rollout *rollout, const GError *cause, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autofree char *duration = NULL;
  bool is_restored = rollout_may_go_back(rollout) && put_back(rollout, &duration, &problem);
  rollout->deployment->touched = rollout_has_touched(rollout);
  settle_records(rollout);
  if (is_restored && are_all_as_before(rollout))
    return fail(error, kind_after_restore(cause),
                "%s\nEvery host%s runs what it ran before (put back in %s).", cause->message,
                is_any_skipped(rollout) ? " that was not skipped" : "", duration);
  g_autofree char *way_out = describe_way_out(rollout);
  return fail(error, SLIPWAY_ERROR_BROKEN, "%s\n%s%s\n%s", cause->message,
              problem != NULL ? "could not be put back: "
              : is_restored   ? "put back, but not every host is known to run the same"
                              : "nothing was put back",
              problem != NULL ? problem->message : "", way_out);
}

/* All run the new release and are well: going back would only mix them with the host that cannot be reached.
 */
static bool fail_to_commit(Rollout *rollout, const GError *cause, GError **error) {
  gint64 id = rollout->deployment->id;
  g_autoptr(GString) hosts = g_string_new(NULL);
  for (guint i = 0; i < rollout->workers->len; i++) {
    const Worker *worker = g_ptr_array_index(rollout->workers, i);
    keep_problem(worker);
    if (worker->error != NULL)
      g_string_append_printf(hosts, "\n  %s: runs d%" G_GINT64_FORMAT ", but could not note it",
                             worker->config->name, id);
  }
  return fail(
      error, SLIPWAY_ERROR_BROKEN,
      "%s\nEvery host%s runs d%" G_GINT64_FORMAT
      " and was well, but not every host could note that it does. Run the same command again. Hosts:%s",
      cause->message, is_any_skipped(rollout) ? " that was not skipped" : "", id, hosts->str);
}

static bool fail_untouched(Rollout *rollout, const GError *cause, GError **error) {
  settle_records(rollout);
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted; no container was changed%s",
                rollout->stage == STAGE_BEFORE ? ", but a task was at work: databases may have been" : "");
  if (error != NULL)
    *error = g_error_copy(cause);
  if (rollout->stage != STAGE_READYING && error_is(cause, SLIPWAY_ERROR_UNREADY))
    recast(error, SLIPWAY_ERROR_DEPLOY);
  return false;
}

/* Something is to be put back, or said: a container changed now, a task took a host out, or an earlier
 * deployment was cut short and this one set out to replace what it left. */
static bool is_any_changed(const Rollout *rollout) {
  if (rollout_has_touched(rollout))
    return true;
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  for (guint i = 0; rollout->stage == STAGE_APPLYING && i < active->len; i++) {
    Worker *worker = g_ptr_array_index(active, i);
    if (worker->is_out || worker_has_strayed(worker))
      return true;
  }
  return false;
}

bool rollout_fail(Rollout *rollout, const GError *cause, GError **error) {
  if (rollout->request->environment->is_ephemeral)
    return ephemeral_fail(rollout, cause, error);
  if (rollout->stage == STAGE_COMMITTING)
    return fail_to_commit(rollout, cause, error);
  return is_any_changed(rollout) ? fail_after_changes(rollout, cause, error)
                                 : fail_untouched(rollout, cause, error);
}
